import type { Knex } from 'knex'

/**
 * The functions that cross organizations, one by one: SECURITY DEFINER with a fixed search_path, owned by a
 * role that sees only the columns granted here. A policy `using (true)` leaves no security qualifier, so the
 * indexes stay usable without BYPASSRLS.
 */
export async function up(db: Knex): Promise<void> {
  await db.raw(LOOKUPS)
  await db.raw(SEARCH)
  await db.raw(GRANTS)
}

const LOOKUPS = `
  set local role cf_owner;
  set local search_path = app, public;
  grant select (org_id, id, phone_number_id, waba_id, state, app_secret, verify_token, verified_at) on connections to cf_lookup;
  grant select (org_id, kid, wrapped, state) on org_keys to cf_lookup;
  grant select (org_id, id, key_digest, scopes, expires_at, revoked_at) on api_keys to cf_lookup;
  grant select (org_id, user_id, role) on memberships to cf_lookup;
  grant select (org_id, id, code_digest, email, role, expires_at, used_at) on invitations to cf_lookup;
  grant select (org_id, connection_id, state, due_at, lease_until, message_id, worker, fence) on outbox to cf_lookup;
  grant select (org_id, wamid, applied_at, received_at) on message_events to cf_lookup;
  create policy lookup on connections for select to cf_lookup using (true);
  create policy lookup on org_keys for select to cf_lookup using (true);
  create policy lookup on api_keys for select to cf_lookup using (true);
  create policy lookup on memberships for select to cf_lookup using (true);
  create policy lookup on invitations for select to cf_lookup using (true);
  create policy lookup on outbox for select to cf_lookup using (true);
  create policy lookup on message_events for select to cf_lookup using (true);

  set local role cf_lookup;
  -- All connections with their sealed secrets, for the directory. The one that proved its number last comes first.
  create function route_connections()
  returns table (org_id uuid, connection_id uuid, phone_number_id text, waba_id text, state text, app_secret text,
                 verify_token text, proven boolean, kid text, wrapped text)
  language sql stable security definer set search_path = pg_catalog as $$
    select c.org_id, c.id, c.phone_number_id, c.waba_id, c.state, c.app_secret, c.verify_token,
           c.verified_at is not null, k.kid, k.wrapped
      from app.connections c left join app.org_keys k on k.org_id = c.org_id and k.state = 'active'
     where c.state <> 'removed'
     order by (c.state = 'active') desc, c.verified_at desc nulls last, c.id desc $$;
  create function lookup_api_key(p_digest bytea) returns table (org_id uuid, id uuid, scopes text[])
  language sql stable security definer set search_path = pg_catalog as $$
    select k.org_id, k.id, k.scopes from app.api_keys k
     where k.key_digest = p_digest and k.revoked_at is null and (k.expires_at is null or k.expires_at > now()) $$;
  create function lookup_invitation(p_digest bytea) returns table (org_id uuid, id uuid, email text, role text)
  language sql stable security definer set search_path = pg_catalog as $$
    select i.org_id, i.id, i.email, i.role from app.invitations i
     where i.code_digest = p_digest and i.used_at is null and i.expires_at > now() $$;
  create function user_orgs(p_user_id uuid) returns table (org_id uuid, role text)
  language sql stable security definer set search_path = pg_catalog as $$
    select m.org_id, m.role from app.memberships m where m.user_id = p_user_id order by m.org_id $$;
  create function due_connections(p_limit int) returns table (org_id uuid, connection_id uuid)
  language sql stable security definer set search_path = pg_catalog as $$
    select d.org_id, d.connection_id from (select o.org_id, o.connection_id from app.outbox o
       where o.state in ('pending', 'retry') and o.due_at <= now() order by o.due_at limit 10000) d
     group by 1, 2 limit p_limit $$;
  create function expired_leases(p_limit int) returns table (org_id uuid, message_id uuid, state text)
  language sql stable security definer set search_path = pg_catalog as $$
    select o.org_id, o.message_id, o.state from app.outbox o
     where o.state in ('claimed', 'posting') and o.lease_until < now() order by o.lease_until limit p_limit $$;
  -- What a process that died held: its own journal tells which of it was written to the wire.
  create function leases_of(p_worker text) returns table (org_id uuid, connection_id uuid, message_id uuid, state text, fence bigint)
  language sql stable security definer set search_path = pg_catalog as $$
    select o.org_id, o.connection_id, o.message_id, o.state, o.fence from app.outbox o
     where o.state in ('claimed', 'posting') and o.worker = p_worker order by o.org_id, o.message_id $$;
  create function parked_events(p_limit int) returns table (org_id uuid, wamid text)
  language sql stable security definer set search_path = pg_catalog as $$
    select e.org_id, e.wamid from app.message_events e
     where e.applied_at is null and e.received_at between now() - interval '7 days' and now() - interval '5 seconds'
     order by e.received_at limit p_limit $$;
  revoke all on function route_connections(), lookup_api_key(bytea), lookup_invitation(bytea), user_orgs(uuid),
    due_connections(int), expired_leases(int), leases_of(text), parked_events(int) from public;
  grant execute on function route_connections(), lookup_api_key(bytea), lookup_invitation(bytea), user_orgs(uuid),
    due_connections(int), expired_leases(int), leases_of(text), parked_events(int) to cf_system;
  reset role;`

const SEARCH = `
  set local role cf_owner;
  set local search_path = app, public;
  grant select (org_id, id, search_name) on contacts to cf_search;
  grant select (org_id, kind, value, contact_id) on contact_identities to cf_search;
  create policy search on contacts for select to cf_search using (true);
  create policy search on contact_identities for select to cf_search using (true);

  set local role cf_search;
  -- Contacts by part of the folded name or of a number; ids only, the page loads the rows under its own policy.
  -- "is not distinct from" is no index condition: it keeps the whole organization out of the bitmap.
  create function search_contacts(p_text text, p_limit int) returns table (id uuid)
  language plpgsql stable security definer rows 20 set search_path = pg_catalog, app, public as $$
  declare
    o uuid := app_org();
    t text := left(p_text, 100);
    digits text := regexp_replace(t, '\\D', '', 'g');
    pat text := '%' || replace(replace(replace(t, '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%';
    n int := least(greatest(p_limit, 1), 200);
  begin
    if t !~ '[[:alnum:]]' then raise exception 'search text too short' using errcode = '22023'; end if;
    if t !~ '[[:alnum:]]{3}' then
      return query select c.id from app.contacts c where c.org_id = o and c.search_name >= t and c.search_name < t || U&'\\FFFF'
        order by c.search_name, c.id limit n;
      return;
    end if;
    return query execute format(
      'with names as materialized (select c.id from app.contacts c where c.search_name like %2$L and c.org_id is not distinct from %1$L::uuid limit 500),
        numbers as materialized (select i.contact_id from app.contact_identities i where i.kind in (''phone'', ''username'')
          and i.value like %4$L and i.org_id is not distinct from %1$L::uuid limit 500)
       select x.id from names x union select y.contact_id from numbers y limit %3$s',
      o, pat, n, case when length(digits) >= 3 and t ~ '^[-+() 0-9.]+$' then '%' || digits || '%' else pat end);
  end $$;
  revoke all on function search_contacts(text, int) from public;
  grant execute on function search_contacts(text, int) to cf_app;
  reset role;`

/** Where a superuser migrates, `set_config` is taken from PUBLIC: an injected expression cannot change organization or role. */
const GRANTS = `
  revoke create on schema app from cf_search, cf_lookup;
  do $$
  begin
    if not (select rolsuper from pg_roles where rolname = current_user) then
      revoke cf_search, cf_lookup from current_user;
    end if;
    grant execute on function pg_catalog.set_config(text, text, boolean) to cf_idle;
    revoke execute on function pg_catalog.set_config(text, text, boolean) from public;
  exception when insufficient_privilege then raise notice 'set_config stays open to PUBLIC: closing it needs a superuser once';
  end $$;`

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop function app.route_connections(), app.lookup_api_key(bytea), app.lookup_invitation(bytea), app.user_orgs(uuid),
      app.due_connections(int), app.expired_leases(int), app.leases_of(text), app.parked_events(int), app.search_contacts(text, int);
  `)
}
