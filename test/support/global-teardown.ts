import pg from 'pg'

export default async function teardown(): Promise<void> {
  await globalThis.browser?.close()
  if (globalThis.cluster) return globalThis.cluster.stop()
  const admin = new pg.Client({ connectionString: `${process.env['TEST_CLUSTER_URL']}/postgres` })
  await admin.connect()
  await admin.query(`drop database if exists ${process.env['TEST_TEMPLATE']} with (force)`)
  await admin.end()
  return undefined
}
