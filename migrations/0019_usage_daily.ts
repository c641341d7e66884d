import type { Knex } from 'knex'

/** What raw usage events leave behind: a count for each day, page and feature of an organization, and nobody in it. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    create table usage_daily (
      org_id uuid not null references organizations,
      day date not null,
      page text not null check (page ~ '^/[a-zA-Z:/_-]*$' and length(page) <= 100),
      feature text not null default '' check (feature ~ '^[a-z_]{0,40}$'),
      events int not null check (events > 0),
      people int not null check (people > 0),
      primary key (org_id, day, page, feature)
    );
    create index usage_daily_day on usage_daily (day);
    select protect('usage_daily');
    select protect_system('usage_daily');
    -- Operators read counts over all organizations, and the sweep ends them; only the organization's own door writes.
    revoke insert on usage_daily from cf_system;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.usage_daily')
}
