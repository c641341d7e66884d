import type { Knex } from 'knex'

/** How often the file of an export was fetched since it was made. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    alter table app.exports add column downloads int not null default 0;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('alter table app.exports drop column downloads')
}
