import { startApp } from './support/app.ts'

test('the app starts over a migrated database and answers an unknown page with 404', async () => {
  const app = await startApp()
  const org = await app.org()
  expect(org.connection.id).toHaveLength(36)
  const answer = await fetch(`${app.url}/nowhere`)
  expect(answer.status).toBe(404)
  await app.stop()
})
