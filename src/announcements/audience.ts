/**
 * Who hears of an announcement `a`, as a condition over users `u`: whoever can sign in, and of a breach whoever belongs
 * to an organization it concerns. Membership is looked up person by person: this role reads no table of it.
 */
export const CONCERNED = `
  u.disabled_at is null and u.preferences ->> 'signup' is null
  and (a.audience = 'everyone' or exists (
    select from user_orgs(u.id) m join incident_orgs i on i.org_id = m.org_id and i.incident_id = a.incident_id
     where a.audience = 'members' or m.role = 'owner'))
  and (a.policy_version is null or not exists (
    select from policy_acceptances p where p.user_id = u.id and p.version = a.policy_version and p.road in ('sign_up', 'invitation')))`

/** Not those who, or whose organization, want no more of this; `:topic` is null for what cannot be refused. */
export const UNREFUSED = `
  (cast(:topic as text) is null
   or (not exists (select from mail_refusals f where f.user_id = u.id and f.topic = cast(:topic as text))
       and not exists (select from user_orgs(u.id) m join organizations o using (org_id) where o.no_optional_mail)))`
