import { Router, type Request } from 'express'
import { access, whoOf } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import type { Resources } from '../resources.ts'
import { countOwnRows, inventoryJson, inventoryPage } from './inventory-page.ts'
import { recordAsCsv, recordOfProcessing } from './record.ts'

const OWN = '/settings/privacy/inventory'

/** The data inventory: public, and for admins with the rows of their organization and as a record of processing. */
export function inventoryRoutes(on: Resources): Router {
  const router = Router()
  router.get('/trust/inventory', access('public'), (_req, res) =>
    showPage(res, 'trust/inventory', inventoryPage()),
  )
  router.get('/trust/inventory.json', access('public'), (_req, res) => {
    res.json(inventoryJson())
  })
  router.get(OWN, access('admin'), async (req, res) => {
    const { org } = whoOf(req)
    const counts = await on.db.withTenant(org, (tx) => countOwnRows(tx, org))
    showPage(res, 'privacy/inventory', inventoryPage(counts))
  })
  router.get(`${OWN}/record.json`, access('admin'), (req, res) => {
    res.attachment('record-of-processing.json').json(recordFor(on, req))
  })
  router.get(`${OWN}/record.csv`, access('admin'), (req, res) => {
    res.attachment('record-of-processing.csv').send(recordAsCsv(recordFor(on, req)))
  })
  return router
}

const recordFor = (on: Resources, req: Request) =>
  recordOfProcessing({
    contact: on.config.PRIVACY_CONTACT,
    address: on.config.APP_URL,
    now: on.now(),
    organization: whoOf(req).orgName,
  })
