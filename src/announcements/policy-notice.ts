import { raiseAlarm } from '../ops/alarms.ts'
import { DAY_MS } from '../privacy/limits.ts'
import {
  hasBegun,
  inWords,
  NOTICE_DAYS,
  openPolicy,
  startOf,
  type Policy,
  type PolicyVersion,
} from '../privacy/policy-versions.ts'
import type { Resources } from '../resources.ts'
import { insert } from './announcements.ts'

/**
 * Announce every material version that was not announced yet, once however often this runs: the one to come, and the one
 * in force where the product was renewed too late for it. A late notice is told to whoever answers for privacy.
 * Answers the ids of what was announced. Source: privacy promise P2, at least 30 days before its date.
 */
export async function announcePolicy(
  on: Resources,
  now: Date,
  policy: Policy = openPolicy(),
): Promise<string[]> {
  const announced: string[] = []
  const [first] = policy.versions
  for (const version of policy.versions) {
    const isOver = hasBegun(version, now) && version !== policy.inForce(now)
    if (!version.material || version === first || isOver) continue
    const made = await on.db.withSystem((tx) => insert(tx, noticeOf(on, { version, policy, now })))
    if (made === '') continue
    announced.push(made)
    const noticed = startOf(version.effectiveOn) - now.getTime()
    if (noticed < NOTICE_DAYS * DAY_MS) await tellLate(on, version, now)
  }
  return announced
}

type Notice = { version: PolicyVersion; policy: Policy; now: Date }

function noticeOf(on: Resources, { version, policy, now }: Notice) {
  const before = policy.versions[policy.versions.indexOf(version) - 1]
  const day = inWords(version.effectiveOn)
  const verb = hasBegun(version, now) ? 'has changed' : 'changes'
  const month = now.getTime() + NOTICE_DAYS * DAY_MS
  return {
    kind: 'policy' as const,
    title: `Our privacy policy ${verb} on ${day}`,
    body: [
      `Our privacy policy ${verb} on ${day}. In short: ${version.summary}`,
      `What is different, word by word: ${on.config.APP_URL}${diffPath(before?.id, version.id)}`,
      `The whole new text: ${on.config.APP_URL}/privacy/${version.id}`,
      'You need not do anything. If you do not want to go on under it, you can export your data and delete your account in the settings.',
    ].join('\n\n'),
    policy_version: version.id,
    audience: 'everyone' as const,
    published_at: now,
    ends_at: new Date(hasBegun(version, now) ? month : startOf(version.effectiveOn)),
  }
}

export const diffPath = (before: string | undefined, after: string): string =>
  before === undefined ? `/privacy/${after}` : `/privacy/diff/${before}/${after}`

const tellLate = (on: Resources, { id, effectiveOn }: PolicyVersion, now: Date): Promise<boolean> =>
  raiseAlarm(
    on,
    {
      kind: 'policy',
      ref: id,
      stage: 'short_notice',
      subject: 'A change of the privacy policy was announced late',
      lines: [
        `Version ${id} counts from ${effectiveOn}, and was announced on ${now.toISOString().slice(0, 10)}: people had less than ${NOTICE_DAYS} days.`,
        'The release that brought it was installed too late. Install releases with a new policy when they appear.',
      ],
    },
    now,
  )
