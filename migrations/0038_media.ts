import type { Knex } from 'knex'

/** Files of messages: a row says what is known of one and where its bytes lie, sealed, outside the database. */
export async function up(db: Knex): Promise<void> {
  await db.raw(TABLE)
  await db.raw(LOOKUPS)
}

const TABLE = `
  set local role cf_owner;
  set local search_path = app, public;

  create table media (
    org_id uuid not null references organizations,
    id uuid not null,
    -- Null, not gone, when its message goes: the file has to go before the row that knows where it lies.
    message_id uuid,
    connection_id uuid,
    kind text not null check (kind in ('image', 'video', 'audio', 'document', 'sticker')),
    -- Meta's id: of what a customer sent for 7 days, of what we uploaded for 30 days from uploaded_at.
    graph_id text,
    uploaded_at timestamptz,
    mime text,
    name text,
    size bigint,
    width int,
    height int,
    sha256 bytea,
    -- Below the organization's folder of MEDIA_URL. Two rows may share a file: one that was sent twice.
    location text,
    -- The key that its chunks are sealed with.
    key_id text,
    status text not null check (status in ('pending', 'fetching', 'receiving', 'stored', 'failed', 'expired', 'refused', 'removing')),
    error text,
    attempts int not null default 0,
    due_at timestamptz,
    -- An upload that belongs to no message yet, and who made it.
    kept_until timestamptz,
    uploaded_by uuid,
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, message_id) references messages on delete set null (message_id),
    foreign key (org_id, connection_id) references connections on delete set null (connection_id),
    check (status <> 'stored' or (location is not null and size is not null and sha256 is not null and mime is not null))
  );
  create unique index media_message on media (org_id, message_id) where message_id is not null;
  create index media_connection on media (org_id, connection_id);
  create index media_location on media (org_id, location) where location is not null;
  create index media_due on media (due_at) where status in ('pending', 'fetching');
  create index media_unused on media (coalesce(kept_until, '-infinity')) where message_id is null;
  create index media_uploader on media (org_id, uploaded_by) where uploaded_by is not null;

  select protect('media');
  grant select (org_id, id, message_id, status, due_at, kept_until) on media to cf_lookup;
  create policy lookup on media for select to cf_lookup using (true);
  reset role;
  grant create on schema app to cf_lookup;`

const LOOKUPS = `
  set local role cf_lookup;
  create function due_media(p_now timestamptz, p_limit int) returns table (org_id uuid, id uuid)
  language sql stable security definer set search_path = pg_catalog as $$
    select m.org_id, m.id from app.media m where m.status in ('pending', 'fetching') and m.due_at <= p_now
     order by m.due_at limit p_limit $$;
  -- Organizations with files of no message, whose time is over.
  create function unused_media(p_now timestamptz) returns table (org_id uuid)
  language sql stable security definer set search_path = pg_catalog as $$
    select distinct m.org_id from app.media m
     where m.message_id is null and coalesce(m.kept_until, '-infinity') <= p_now $$;
  revoke all on function due_media(timestamptz, int), unused_media(timestamptz) from public;
  grant execute on function due_media(timestamptz, int), unused_media(timestamptz) to cf_system;
  reset role;
  revoke create on schema app from cf_lookup;`

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop function app.due_media(timestamptz, int), app.unused_media(timestamptz);
    drop table app.media;
  `)
}
