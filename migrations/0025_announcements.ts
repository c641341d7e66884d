import type { Knex } from 'knex'

/** What is told to everybody, who was told, and what somebody wants to hear no more of. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    -- Whom a breach concerns; a notice about it goes to the people of these organizations only.
    create table incident_orgs (
      org_id uuid not null references organizations,
      incident_id uuid not null references incidents on delete cascade,
      told_at timestamptz,
      primary key (org_id, incident_id)
    );
    create index incident_orgs_incident on incident_orgs (incident_id);
    select protect('incident_orgs');
    select protect_system('incident_orgs');
    revoke insert, update, delete on incident_orgs from cf_app;

    create table announcements (
      id uuid primary key,
      kind text not null check (kind in ('outage', 'security', 'policy', 'incident', 'features', 'tips', 'surveys')),
      title text not null check (length(title) between 1 and 120),
      body text not null check (length(body) between 1 and 4000),
      -- A version of the policy is announced once, however often somebody looks whether it was.
      policy_version text unique,
      incident_id uuid references incidents on delete cascade,
      audience text not null default 'everyone' check (audience in ('everyone', 'owners', 'members')),
      published_at timestamptz not null,
      ends_at timestamptz not null,
      check ((kind = 'policy') = (policy_version is not null)),
      check ((kind = 'incident') = (incident_id is not null)),
      check ((audience = 'everyone') = (incident_id is null))
    );
    create index announcements_ends on announcements (ends_at);
    create index announcements_incident on announcements (incident_id);

    -- One row for each person and announcement: the key is the promise, never twice to one person.
    create table announcement_reads (
      user_id uuid not null references users on delete cascade,
      announcement_id uuid not null references announcements on delete cascade,
      mailed_at timestamptz,
      shown_at timestamptz,
      dismissed_at timestamptz,
      primary key (user_id, announcement_id)
    );
    create index announcement_reads_announcement on announcement_reads (announcement_id);

    create table mail_refusals (
      user_id uuid not null references users on delete cascade,
      topic text not null check (topic in ('features', 'tips', 'surveys')),
      road text not null check (road in ('settings', 'link')),
      at timestamptz not null,
      primary key (user_id, topic)
    );
    select protect_system(t) from unnest(array['announcements', 'announcement_reads', 'mail_refusals']::regclass[]) t;

    -- The same version may be shown on several roads: at sign-up, by mail, by the banner.
    alter table policy_acceptances drop constraint policy_acceptances_pkey, add primary key (user_id, version, road),
      drop constraint policy_acceptances_road_check,
      add constraint policy_acceptances_road_check check (road in ('sign_up', 'invitation', 'mail', 'banner'));
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop table app.mail_refusals, app.announcement_reads, app.announcements, app.incident_orgs;
    delete from app.policy_acceptances where road in ('mail', 'banner');
    alter table app.policy_acceptances drop constraint policy_acceptances_pkey, add primary key (user_id, version),
      drop constraint policy_acceptances_road_check,
      add constraint policy_acceptances_road_check check (road in ('sign_up', 'invitation'));
  `)
}
