import { openPasswords } from '../../src/accounts/passwords.ts'
import { startGraph, type Graph } from './graph.ts'
import { askInPublic, invite, reset, signIn, signUp } from './leak-people.ts'
import { connect, fail, look, receive, talk, useApi } from './leak-talk.ts'
import { INSTALLATION, personalOf, secretsOf, type Stage, type Told } from './leak-values.ts'
import { readable, type Named } from './leaks.ts'
import { startMailServer, type MailServer } from './smtp.ts'

export type Story = {
  personal: ReturnType<typeof personalOf>
  /** Those of people and of Meta, and those that the product made. */
  secrets: Named
  org: string
  /** As their readers see them. */
  mails: string[]
}

/** A Graph API whose errors quote what it was asked with. */
export async function startQuotingGraph(): Promise<Graph> {
  const graph = await startGraph()
  graph.decide(({ path, token, text }) => {
    const quoted = `"${text}" with ${token} of https://x/?access_token=${encodeURIComponent(token)}`
    const error = (code: number) => ({
      status: 400,
      text: JSON.stringify({
        error: { code, message: `Refused: ${quoted}`, error_data: { details: quoted } },
      }),
    })
    if (path.includes('?fields=')) return error(190)
    if (text.includes('that gets no answer')) return 'reset'
    return text.includes('that Meta refuses') ? error(131_026) : 'ok'
  })
  return graph
}

export const startMail = async (): Promise<{ mail: MailServer; url: string }> => {
  const mail = await startMailServer()
  return { mail, url: mail.url.replace('//', `//postmaster:${INSTALLATION.smtp}@`) }
}

/** The main flows, with each of the values put in where it belongs and where it does not. */
export async function tellStory(stage: Stage): Promise<Story> {
  const { app, mail } = stage
  openPasswords(app.on, { ln: 4, r: 8, p: 1 })
  const [given, personal] = [secretsOf(), personalOf()]
  const told: Told = { ...stage, given, personal, secrets: { ...INSTALLATION, ...given } }
  const owner = await signUp(told)
  await signIn(told, owner)
  const hook = await connect(told, owner)
  await receive(told, hook)
  await talk(told, owner, hook)
  await useApi(told, owner)
  await invite(told, owner)
  await askInPublic(told)
  await fail(told, owner)
  await look(told, owner)
  await reset(told)
  const org = app.on.directory.find(hook.id)?.org ?? ''
  return { personal, secrets: told.secrets, org, mails: mail.received.map(readable) }
}
