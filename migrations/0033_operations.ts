import type { Knex } from 'knex'

/** What operators look at: the processes that run, what they counted, and long work on dead letters. */
export async function up(db: Knex): Promise<void> {
  await db.raw(TABLES)
  await db.raw(LOOKUPS)
}

const TABLES = `
  set local role cf_owner;
  set local search_path = app, public;

  -- One row for each process, written anew every few seconds; a process that ends takes its row along.
  create table processes (
    id uuid primary key,
    kind text not null check (kind in ('web', 'worker', 'all')),
    host text not null,
    pid int not null,
    version text not null,
    -- Of each queue it works at, when the last heartbeat came through; of each repeated work, when it last ran.
    beats jsonb not null default '{}',
    runs jsonb not null default '{}',
    lag_ms int not null default 0,
    rss_mb int not null default 0,
    started_at timestamptz not null,
    seen_at timestamptz not null
  ) with (fillfactor = 50);
  create index processes_seen on processes (seen_at);

  create table tallies (
    minute timestamptz not null,
    what text not null check (what in ('webhook', 'job', 'message')),
    of text not null,
    ending text not null,
    reason text not null,
    n int not null check (n > 0),
    primary key (minute, what, of, ending, reason)
  );

  -- Work on many dead letters at once, done in batches by a worker; what it applies to is fixed when it is asked for.
  create table letter_runs (
    id uuid primary key,
    act text not null check (act in ('replay', 'discard')),
    filter jsonb not null default '{}',
    asked_by uuid references users on delete set null,
    asked_at timestamptz not null,
    total int not null check (total >= 0),
    done int not null default 0,
    failed int not null default 0,
    last_id uuid,
    stopped_at timestamptz,
    finished_at timestamptz
  );
  create index letter_runs_open on letter_runs (asked_at) where finished_at is null;
  create index letter_runs_asked on letter_runs (asked_at desc);
  create index letter_runs_asker on letter_runs (asked_by);

  create index dead_letters_seen on dead_letters (last_seen_at desc, id desc);
  create index outbox_unknown on outbox (org_id, connection_id, created_at) where state = 'unknown';
  create index messages_failed on messages (failed_at) where failed_at is not null;

  select protect_system(t) from unnest(array['processes', 'tallies', 'letter_runs']::regclass[]) t;
  reset role;`

/** Ids, codes, counts and times of all organizations; of a connection also what its owner calls it. */
const LOOKUPS = `
  set local role cf_owner;
  set local search_path = app, public;
  grant select (name, state_reason, quality, settings) on connections to cf_lookup;
  grant select (conversation_id, created_at, error_class, error_code, lane, ord) on outbox to cf_lookup;
  grant select (status, error_code, failed_at) on messages to cf_lookup;
  create policy lookup on messages for select to cf_lookup using (true);
  reset role;
  grant create on schema app to cf_lookup;

  set local role cf_lookup;
  -- Each connection with what waits for it. Of a long backlog the oldest thousand tell enough.
  create function ops_connections(p_limit int)
  returns table (org_id uuid, connection_id uuid, name text, state text, state_reason text, quality text, handshake_at text,
                 webhook_at text, checked_at text, check_outcome text, waiting int, waiting_since timestamptz,
                 held int, held_since timestamptz, unsure int, unsure_since timestamptz)
  language sql stable security definer set search_path = pg_catalog as $$
    select c.org_id, c.id, c.name, c.state, c.state_reason, c.quality, c.settings ->> 'handshake_at', c.settings ->> 'webhook_at',
           c.settings #>> '{check,at}', c.settings #>> '{check,outcome}', w.waiting, w.waiting_since, w.held, w.held_since,
           u.unsure, u.unsure_since
      from app.connections c
     cross join lateral (
       select count(*) filter (where not x.held)::int as waiting, min(x.created_at) filter (where not x.held) as waiting_since,
              count(*) filter (where x.held)::int as held, min(x.created_at) filter (where x.held) as held_since
         from (select o.created_at, coalesce(o.error_class = 'connection', false) or c.state in ('suspended', 'disabled') as held
                 from app.outbox o
                where o.org_id = c.org_id and o.connection_id = c.id and o.state in ('pending', 'retry')
                order by o.lane, o.ord limit 1000) x) w
     cross join lateral (
       select count(*)::int as unsure, min(y.created_at) as unsure_since
         from (select o.created_at from app.outbox o
                where o.org_id = c.org_id and o.connection_id = c.id and o.state = 'unknown' limit 1000) y) u
     where c.state <> 'removed'
     order by (c.state = 'suspended') desc, w.held desc, u.unsure desc, w.waiting_since nulls last, c.org_id, c.id
     limit p_limit $$;
  -- Messages of which nobody knows whether they went out, the oldest first.
  create function ops_unsure(p_limit int)
  returns table (org_id uuid, connection_id uuid, conversation_id uuid, message_id uuid, error_code text, created_at timestamptz)
  language sql stable security definer set search_path = pg_catalog as $$
    select o.org_id, o.connection_id, o.conversation_id, o.message_id, o.error_code, o.created_at
      from app.outbox o where o.state = 'unknown' order by o.created_at limit p_limit $$;
  -- Why messages failed since then, by code.
  create function ops_failures(p_since timestamptz) returns table (code text, n int)
  language sql stable security definer set search_path = pg_catalog as $$
    select coalesce(m.error_code, 'none'), count(*)::int from app.messages m
     where m.failed_at >= p_since and m.status = 'failed' group by 1 order by 2 desc, 1 limit 50 $$;
  revoke all on function ops_connections(int), ops_unsure(int), ops_failures(timestamptz) from public;
  grant execute on function ops_connections(int), ops_unsure(int), ops_failures(timestamptz) to cf_system;
  reset role;
  revoke create on schema app from cf_lookup;`

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop function app.ops_connections(int), app.ops_unsure(int), app.ops_failures(timestamptz);
    drop policy lookup on app.messages;
    drop index app.messages_failed, app.outbox_unknown, app.dead_letters_seen;
    drop table app.letter_runs, app.tallies, app.processes;
  `)
}
