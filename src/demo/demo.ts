import { createOrganization, createUser } from '../accounts/accounts.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { connectLine } from '../sandbox/connect.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { writeHistory } from './history.ts'
import { COLLEAGUES, STORIES, type Colleague } from './stories.ts'
import { tellStory } from './telling.ts'

const NAME = 'First Fashion'
const DOMAIN = 'first-fashion.example'

/**
 * Fill an installation that has no organization and has the sandbox on: a small shop with an owner, two agents, a
 * sandbox number and the conversations of a day. All three sign in with `password`. Undefined when it is not empty.
 */
export async function seedDemo(
  on: Resources,
  password: string,
): Promise<{ email: string; org: string } | undefined> {
  if (!on.config.SANDBOX || (await hasOrganization(on))) return undefined
  const email = mailOf('maya')
  const ownerName = COLLEAGUES.maya.name
  const { org, user } = await createOrganization(on, {
    name: NAME,
    ownerEmail: email,
    ownerName,
    password,
  })
  const [leo, priya] = await Promise.all([
    addAgent(on, org, 'leo', password),
    addAgent(on, org, 'priya', password),
  ])
  const authors = { maya: user, leo, priya }
  const told = STORIES.map((story) => tellStory(story, on.now(), authors))
  const people = told.map(({ person }) => person)
  const { connection } = await connectLine(openSandbox(on), org, NAME, people)
  await writeHistory(
    on,
    org,
    connection,
    told.map(({ conversation }) => conversation),
  )
  return { email, org }
}

const mailOf = (colleague: Colleague): string => `${COLLEAGUES[colleague].mailbox}@${DOMAIN}`

async function addAgent(
  on: Resources,
  org: string,
  colleague: Colleague,
  password: string,
): Promise<string> {
  const { name } = COLLEAGUES[colleague]
  return (await createUser(on, { org, email: mailOf(colleague), name, role: 'agent', password }))
    .user
}

async function hasOrganization(on: Resources): Promise<boolean> {
  const found = await on.db.withSystem((tx) => rows(tx, 'select 1 from organizations limit 1'))
  return found.length > 0
}
