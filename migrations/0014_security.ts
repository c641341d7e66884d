import type { Knex } from 'knex'

/** Second factors, what left through the door to the outside, and what operators must be able to account for. */
export async function up(db: Knex): Promise<void> {
  await db.raw(FACTORS)
  await db.raw(REGISTERS)
}

const FACTORS = `
  set local role cf_owner;
  set local search_path = app, public;

  create table second_factors (
    id uuid primary key,
    user_id uuid not null references users on delete cascade,
    kind text not null check (kind in ('totp')),
    secret text not null,
    -- A code works once: update ... where last_step < the step it was made for.
    last_step bigint not null default 0,
    confirmed_at timestamptz,
    created_at timestamptz not null default now()
  );
  create unique index second_factors_user on second_factors (user_id, (confirmed_at is not null));
  create table recovery_codes (
    user_id uuid not null references users on delete cascade,
    code_digest bytea not null,
    used_at timestamptz,
    primary key (user_id, code_digest)
  );
  select protect_system(t) from unnest(array['second_factors', 'recovery_codes']::regclass[]) t;
  reset role;`

const REGISTERS = `
  set local role cf_owner;
  set local search_path = app, public;

  -- Where something went and why, never what.
  create table egress_log (
    id uuid primary key,
    at timestamptz not null,
    host text not null,
    purpose text not null check (purpose ~ '^[a-z_]{1,40}$'),
    org_id uuid,
    bytes bigint,
    status int
  );
  create index egress_log_at on egress_log (at);
  create index egress_log_org on egress_log (org_id, at desc);
  create table processor_notices (
    user_id uuid not null references users on delete cascade,
    processor text not null check (processor ~ '^[a-z_]{1,40}$'),
    told_at timestamptz not null,
    primary key (user_id, processor)
  );

  create table incidents (
    id uuid primary key,
    kind text not null check (kind in ('confidentiality', 'integrity', 'availability')),
    aware_at timestamptz not null,
    facts text not null,
    effects text,
    measures text,
    categories text[] not null default '{}',
    subjects_estimate int check (subjects_estimate >= 0),
    records_estimate int check (records_estimate >= 0),
    reach jsonb not null default '{}',
    authority_reason text,
    people_reason text,
    notified_authority_at timestamptz,
    notified_orgs_at timestamptz,
    notified_people_at timestamptz,
    alarmed_hours int not null default 0,
    closed_at timestamptz
  );
  create index incidents_open on incidents (aware_at) where closed_at is null;

  -- about_org is no org_id: an organization does not see a request that it may not be told of yet.
  create table disclosures (
    id uuid primary key,
    about_org uuid not null,
    received_at timestamptz not null,
    authority text not null,
    legal_basis text not null,
    scope jsonb not null,
    challenged text,
    approved_by uuid[] not null default '{}',
    decision text check (decision in ('disclosed', 'partly', 'refused', 'nothing_held')),
    decided_at timestamptz,
    disclosed_at timestamptz,
    items_sha256 bytea,
    gag_until timestamptz,
    org_told_at timestamptz,
    check (disclosed_at is null or cardinality(approved_by) >= 2)
  );
  create index disclosures_received on disclosures (received_at);
  create table legal_holds (
    org_id uuid not null references organizations,
    id uuid not null,
    disclosure_id uuid references disclosures on delete set null,
    contact_id uuid not null,
    from_at timestamptz,
    until_at timestamptz,
    placed_at timestamptz not null,
    released_at timestamptz,
    primary key (org_id, id)
  );
  create index legal_holds_disclosure on legal_holds (disclosure_id);

  select protect(t) from unnest(array['egress_log', 'legal_holds']::regclass[]) t;
  select protect_system(t) from unnest(array['egress_log', 'legal_holds', 'processor_notices', 'incidents', 'disclosures']::regclass[]) t;
  -- Pages read what concerns their organization; operators and the door write.
  revoke insert, update, delete on egress_log, legal_holds from cf_app;
  reset role;`

export async function down(db: Knex): Promise<void> {
  await db.raw(
    `drop table app.legal_holds, app.disclosures, app.incidents, app.processor_notices, app.egress_log,
       app.recovery_codes, app.second_factors`,
  )
}
