import type { Knex } from 'knex'

/** More rules against abuse, and two more grades of measures: to be asked again, and to wait for a person. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    alter table abuse_findings
      drop constraint abuse_findings_rule_check,
      add constraint abuse_findings_rule_check check (rule in ('sign_in_tries', 'network_tries', 'new_network', 'request_pace',
        'first_messages', 'failed_messages', 'rejected_templates', 'export_bursts')),
      drop constraint abuse_findings_action_check,
      add constraint abuse_findings_action_check check (action in ('slow', 'ask', 'pause', 'review'));
    reset role;
  `)
}

/** Findings that the rules of before do not know go: they are over within a day. */
export async function down(db: Knex): Promise<void> {
  await db.raw(`
    delete from app.abuse_findings
     where rule not in ('sign_in_tries', 'first_messages') or action not in ('slow', 'pause');
    alter table app.abuse_findings
      drop constraint abuse_findings_rule_check,
      add constraint abuse_findings_rule_check check (rule in ('sign_in_tries', 'first_messages')),
      drop constraint abuse_findings_action_check,
      add constraint abuse_findings_action_check check (action in ('slow', 'pause'));
  `)
}
