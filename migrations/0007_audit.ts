import type { Knex } from 'knex'

/** Who did what: one hash chain per organization that grows at its end and changes nowhere else. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    -- base_seq and base_hash: where the chain begins since its oldest entries went with their retention.
    create table audit_head (
      org_id uuid primary key references organizations,
      seq bigint not null,
      hash bytea not null,
      base_seq bigint not null default 0,
      base_hash bytea not null default '\\x00'
    );
    -- References, not identities: a name is looked up when the log is shown, and is gone when the person is.
    create table audit_log (
      org_id uuid not null references audit_head,
      seq bigint not null,
      at timestamptz not null,
      actor_kind text not null check (actor_kind in ('user', 'api_key', 'system', 'operator', 'subject')),
      actor_id uuid,
      action text not null,
      target_kind text,
      target_id text,
      ip inet check (masklen(ip) <= case family(ip) when 4 then 24 else 48 end),
      request_id text,
      detail jsonb not null default '{}',
      prev_hash bytea not null,
      hash bytea not null,
      primary key (org_id, seq)
    );
    create index audit_log_at on audit_log (org_id, at desc);
    -- What stays of a purged organization's chain: proof that it was whole, and nobody's data.
    create table audit_tombstones (
      org_ref bytea primary key,
      seq bigint not null,
      hash bytea not null,
      purged_at timestamptz not null default now()
    );

    create function audit_digest(r audit_log) returns bytea language sql stable set search_path = pg_catalog as $$
      select sha256(convert_to(jsonb_build_array(encode(r.prev_hash, 'hex'), r.org_id, r.seq,
        to_char(r.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), r.actor_kind, r.actor_id, r.action,
        r.target_kind, r.target_id, text(r.ip), r.request_id, r.detail)::text, 'UTF8')) $$;

    -- The head's row lock makes one writer per organization; what the writer says of place and hash is overwritten.
    create function audit_chain() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
    declare h app.audit_head;
    begin
      insert into app.audit_head (org_id, seq, hash) values (new.org_id, 0, '\\x00') on conflict do nothing;
      select * into h from app.audit_head where org_id = new.org_id for update;
      new.seq := h.seq + 1;
      new.at := clock_timestamp();
      new.prev_hash := h.hash;
      new.hash := app.audit_digest(new);
      update app.audit_head set seq = new.seq, hash = new.hash where org_id = new.org_id;
      return new;
    end $$;

    -- Only what lies at or below the base of the chain may go, and only by the functions below, which move the base first.
    create function audit_frozen() returns trigger language plpgsql set search_path = pg_catalog as $$
    begin
      if tg_op = 'DELETE' and current_user = 'cf_owner' and exists (
        select from app.audit_head h where h.org_id = old.org_id and old.seq <= h.base_seq) then return old; end if;
      raise exception 'audit log is append-only' using errcode = '42501';
    end $$;
    create trigger chain before insert on audit_log for each row execute function audit_chain();
    create trigger frozen before update or delete on audit_log for each row execute function audit_frozen();
    create trigger frozen_truncate before truncate on audit_log for each statement execute function audit_frozen();

    select protect(t) from unnest(array['audit_head', 'audit_log']::regclass[]) t;
    revoke update, delete on audit_log from cf_app;
    revoke all on audit_head from cf_app;
    grant select on audit_head to cf_app;
    create policy chain on audit_head to cf_owner using (true) with check (true);
    create policy forget on audit_log to cf_owner using (true) with check (true);
    create policy fence on organizations for select to cf_owner using (true);

    -- Sign-in, passwords and sessions belong to no organization: they are told to each of the person's, unread.
    grant insert on audit_log to cf_system;
    create policy system on audit_log for insert to cf_system
      with check (exists (select from organizations o where o.org_id = audit_log.org_id and o.status <> 'purging'));

    alter table audit_tombstones enable row level security;
    alter table audit_tombstones force row level security;
    create policy tombstones on audit_tombstones to cf_owner using (true) with check (true);
    create policy tombstones_read on audit_tombstones for select to cf_system using (true);
    grant select on audit_tombstones to cf_system;

    -- Retention: the oldest entries go in one piece, and the base remembers how the rest goes on.
    create function audit_trim(p_org uuid, p_before timestamptz, p_limit int) returns bigint
    language plpgsql security definer set search_path = pg_catalog as $$
    declare last app.audit_log;
    declare gone bigint;
    begin
      perform from app.audit_head where org_id = p_org for update;
      select l.* into last from (select * from app.audit_log where org_id = p_org order by seq limit p_limit) l
       where l.at < p_before order by l.seq desc limit 1;
      if last.seq is null then return 0; end if;
      update app.audit_head set base_seq = last.seq, base_hash = last.hash where org_id = p_org;
      delete from app.audit_log where org_id = p_org and seq <= last.seq;
      get diagnostics gone = row_count;
      return gone;
    end $$;
    -- The last step of an organization's purge: its chain goes, the last hash stays.
    create function audit_forget(p_org uuid) returns void
    language plpgsql security definer set search_path = pg_catalog as $$
    begin
      if not exists (select from app.organizations where org_id = p_org and status = 'purging') then
        raise exception 'no purge is running for this organization' using errcode = '42501';
      end if;
      insert into app.audit_tombstones (org_ref, seq, hash)
        select sha256(uuid_send(h.org_id)), h.seq, h.hash from app.audit_head h where h.org_id = p_org on conflict do nothing;
      update app.audit_head set base_seq = seq, base_hash = hash where org_id = p_org;
      delete from app.audit_log where org_id = p_org;
      delete from app.audit_head where org_id = p_org;
    end $$;

    revoke all on function audit_digest(audit_log), audit_chain(), audit_frozen(), audit_trim(uuid, timestamptz, int),
      audit_forget(uuid) from public;
    grant execute on function audit_digest(audit_log) to cf_app;
    grant execute on function audit_trim(uuid, timestamptz, int), audit_forget(uuid) to cf_system;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop policy fence on app.organizations;
    drop function app.audit_trim(uuid, timestamptz, int), app.audit_forget(uuid);
    drop table app.audit_tombstones, app.audit_log, app.audit_head cascade;
    drop function app.audit_chain(), app.audit_frozen();
  `)
}
