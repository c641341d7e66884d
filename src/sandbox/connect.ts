import { randomBytes, randomInt } from 'node:crypto'
import { createConnection } from '../connections/connections.ts'
import { newCode } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { shakeHands } from './handshake.ts'
import { lineOf } from './sandbox.ts'
import type { Line, Person, Sandbox } from './state.ts'
import { NORMAL } from './switches.ts'
import { firstTemplates } from './template-shelf.ts'

/**
 * Give an organization a number at the stand-in and connect it as any number is connected, with credentials that
 * only the stand-in and the vault know. Throws Refusal 409 when it has one.
 */
export async function connectLine(
  box: Sandbox,
  org: string,
  name: string,
  people: Person[],
): Promise<Line> {
  if (lineOf(box, org))
    throw new Refusal(409, 'connected', 'This organization has a sandbox number already.')
  const secrets = {
    phoneNumberId: digits(15),
    wabaId: digits(15),
    displayPhone: `+1 555 010 ${digits(4)}`,
    accessToken: `SBX${newCode(32)}`,
    appSecret: randomBytes(16).toString('hex'),
    verifyToken: newCode(12),
  }
  const { id } = await createConnection(box.on, org, { name: 'Sandbox', ...secrets })
  const line: Line = {
    org,
    connection: id,
    name,
    ...secrets,
    subscribed: true,
    verified: false,
    switches: { ...NORMAL },
    people,
    waiting: [],
    templates: firstTemplates(),
  }
  box.lines.push(line)
  box.changed(org)
  shakeHands(box, line)
  return line
}

const digits = (length: number): string =>
  String(randomInt(1, 10)) + Array.from({ length: length - 1 }, () => randomInt(10)).join('')
