import type { Knex } from 'knex'

/** What a breach reached, what programs read, and disclosures that two people stand for. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    -- What leaked, so that its reach can be looked up again; a breach is closed only when it is accounted for.
    alter table incidents drop column alarmed_hours,
      add column exposed text check (exposed in ('api_key', 'person', 'organization', 'installation')),
      add column exposed_id uuid,
      add column exposed_from timestamptz,
      add column exposed_until timestamptz,
      add constraint incidents_accounted check (closed_at is null or (effects is not null and measures is not null
        and (notified_authority_at is not null or authority_reason is not null)
        and (notified_people_at is not null or people_reason is not null)));

    -- Which rows a program was given, by id: if its key leaks, that is what leaked.
    create table api_reads (
      org_id uuid not null,
      id uuid not null,
      api_key_id uuid not null,
      path text not null check (path ~ '^/[a-z/:_-]+$'),
      refs uuid[] not null,
      at timestamptz not null,
      primary key (org_id, id),
      foreign key (org_id, api_key_id) references api_keys on delete cascade
    );
    create index api_reads_key on api_reads (org_id, api_key_id, at);
    create index api_reads_at on api_reads (org_id, at);
    select protect('api_reads');

    -- Whom an authority asks about is sealed; no one person lets anything leave.
    alter table disclosures alter column scope type text using scope::text,
      add column reasons text,
      add constraint disclosures_two check (disclosed_at is null or approved_by[1] <> approved_by[2]);
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    alter table app.disclosures drop constraint disclosures_two, drop column reasons,
      alter column scope type jsonb using '{}'::jsonb;
    drop table app.api_reads;
    alter table app.incidents drop constraint incidents_accounted, drop column exposed, drop column exposed_id,
      drop column exposed_from, drop column exposed_until, add column alarmed_hours int not null default 0;
  `)
}
