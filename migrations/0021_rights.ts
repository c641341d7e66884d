import type { Knex } from 'knex'

/** What people ask about their data, whoever has to answer: one queue and one clock. */
export async function up(db: Knex): Promise<void> {
  await db.raw(REQUESTS)
  await db.raw(TEXTS)
}

const REQUESTS = `
  set local role cf_owner;
  set local search_path = app, public;

  -- Without an organization it is the installation that answers: for accounts, and for whoever writes to it.
  create table privacy_requests (
    id uuid primary key,
    org_id uuid references organizations,
    number text not null unique check (number ~ '^R-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$'),
    kind text not null check (kind in ('access', 'correct', 'erase', 'restrict', 'object', 'export', 'question')),
    state text not null default 'open' check (state in ('open', 'waiting', 'done', 'refused', 'withdrawn')),
    road text not null check (road in ('self', 'form', 'mail', 'letter', 'phone', 'chat', 'person')),
    contact_id uuid,
    user_id uuid references users on delete set null,
    code_digest bytea not null unique,
    once_digest bytea,
    language text check (language ~ '^[a-z]{2}$'),
    received_at timestamptz not null,
    recorded_at timestamptz not null,
    due_at timestamptz not null,
    paused_at timestamptz,
    paused_ms bigint not null default 0 check (paused_ms >= 0),
    extended_at timestamptz,
    verified_how text check (verified_how in ('login', 'chat', 'code', 'link', 'known', 'document', 'mandate')),
    verified_by uuid references users on delete set null,
    verified_at timestamptz,
    not_by uuid,
    challenge_digest bytea,
    challenge_until timestamptz,
    challenge_tries smallint not null default 0,
    challenges smallint not null default 0,
    confirmed_at timestamptz,
    answer text check (answer in ('due', 'sent', 'withheld')),
    deletion_id uuid,
    refusal text check (refusal in ('identity', 'excessive', 'unfounded', 'duty', 'others', 'nothing')),
    outcome text check (outcome in ('answered', 'corrected', 'erased', 'restricted', 'objected', 'handed_over', 'refused',
      'taken_back', 'nothing_found')),
    closed_at timestamptz,
    steps jsonb not null default '[]',
    unique (org_id, id),
    foreign key (org_id, contact_id) references contacts (org_id, id) on delete set null (contact_id),
    constraint requests_received check (received_at <= recorded_at),
    constraint requests_closed check ((closed_at is null) = (state in ('open', 'waiting'))),
    constraint requests_outcome check ((closed_at is null) = (outcome is null)),
    constraint requests_reason check ((state = 'refused') = (refusal is not null)),
    constraint requests_paused check ((state = 'waiting') = (paused_at is not null)),
    constraint requests_verified check ((verified_how is null) = (verified_at is null)),
    constraint requests_challenge check ((challenge_digest is null) = (challenge_until is null)),
    -- The policy gave thirty days for the deletion of an account, without exception.
    constraint requests_thirty_days check (not (org_id is null and kind = 'erase')
      or (extended_at is null and paused_at is null and paused_ms = 0))
  );
  create index privacy_requests_desk on privacy_requests (org_id, closed_at desc nulls first, due_at);
  create index privacy_requests_due on privacy_requests (due_at) where closed_at is null;
  create index privacy_requests_answer on privacy_requests (recorded_at) where answer = 'due';
  create index privacy_requests_contact on privacy_requests (org_id, contact_id);
  create index privacy_requests_user on privacy_requests (user_id);
  create index privacy_requests_verifier on privacy_requests (verified_by);
  create index privacy_requests_closed on privacy_requests (closed_at);
  -- The same asked twice is one request until it is answered.
  create unique index privacy_requests_once on privacy_requests (org_id, once_digest) nulls not distinct
    where closed_at is null and once_digest is not null;

  -- What was done is only added to, what was received stays when it was, and what is closed stays closed.
  create function request_history() returns trigger language plpgsql set search_path = pg_catalog as $$
  begin
    if exists (select from jsonb_array_elements(old.steps) with ordinality s (step, n)
                where new.steps -> (n::int - 1) is distinct from step) then
      raise exception 'the steps of a request are only added to' using errcode = 'check_violation';
    end if;
    if new.received_at <> old.received_at or new.kind <> old.kind then
      raise exception 'what was asked, and when, does not change' using errcode = 'check_violation';
    end if;
    if old.closed_at is not null and (new.state <> old.state or new.outcome <> old.outcome) then
      raise exception 'this request is closed' using errcode = 'check_violation';
    end if;
    return new;
  end $$;
  create trigger history before update of steps, received_at, kind, state, outcome on privacy_requests
    for each row execute function request_history();
  revoke all on function request_history() from public;

  select protect('privacy_requests'), protect_system('privacy_requests');
  -- A page closes a request; only the end of its retention or of its organization removes one.
  revoke delete on privacy_requests from cf_app;
  reset role;`

const TEXTS = `
  set local role cf_owner;
  set local search_path = app, public;

  -- Sealed, and gone long before the outcome is.
  create table privacy_request_texts (
    id uuid primary key,
    org_id uuid references organizations,
    request_id uuid not null,
    contact_id uuid,
    user_id uuid references users on delete cascade,
    kind text not null check (kind in ('name', 'address', 'asked', 'mandate', 'extension', 'refusal', 'answer')),
    body text not null,
    told text check (told in ('mail', 'chat', 'page', 'otherwise')),
    at timestamptz not null,
    closed_at timestamptz,
    foreign key (org_id, request_id) references privacy_requests (org_id, id) on delete cascade,
    foreign key (org_id, contact_id) references contacts (org_id, id) on delete cascade
  );
  create index privacy_request_texts_request on privacy_request_texts (org_id, request_id);
  create index privacy_request_texts_alone on privacy_request_texts (request_id);
  create index privacy_request_texts_contact on privacy_request_texts (org_id, contact_id);
  create index privacy_request_texts_user on privacy_request_texts (user_id);
  create index privacy_request_texts_closed on privacy_request_texts (closed_at);

  -- What may be said in the organization's name when somebody sends a keyword. No row: nothing is.
  create table privacy_answers (
    org_id uuid not null references organizations,
    id uuid not null,
    kind text not null check (kind in ('access', 'correct', 'erase', 'restrict', 'object', 'export', 'question')),
    language text not null check (language ~ '^[a-z]{2}$'),
    body text not null check (length(body) between 1 and 1000),
    -- The cause of each message that was sent by it.
    version int not null default 1,
    approved_by uuid,
    approved_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, kind, language)
  );

  select protect(t) from unnest(array['privacy_request_texts', 'privacy_answers']::regclass[]) t;
  select protect_system('privacy_request_texts');
  reset role;`

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop table app.privacy_answers, app.privacy_request_texts, app.privacy_requests;
    drop function app.request_history();
  `)
}
