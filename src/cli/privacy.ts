import { z } from 'zod'
import { runCanary } from '../canary/canary.ts'
import { countLeft } from '../deletions/search.ts'
import { findingOf, searchStores } from '../deletions/stores.ts'
import { inventoryJson } from '../privacy/inventory-page.ts'
import { takeInventory } from '../privacy/inventory.ts'
import { openMeasuring, worst } from '../trust/evidence.ts'
import { Alarm, command, type Command } from './command.ts'

export const privacyCommands: Record<string, Command> = {
  'privacy inventory': command({
    usage: '   (the manifest, and where the running system differs from it)',
    async run(at) {
      const found = await takeInventory(await at.open())
      const inventory = { ...found, ...inventoryJson() }
      if (found.findings.length > 0) throw new Alarm(inventory, 3)
      return inventory
    },
  }),
  'privacy selfcheck': command({
    usage: '   (every figure of the Trust page, measured now)',
    async run(at) {
      const { figures } = await openMeasuring(await at.open()).read()
      const state = worst(figures)
      if (state === 'bad') throw new Alarm({ state, figures }, 3)
      return { state, figures }
    },
  }),
  'privacy canary': command({
    usage:
      '[--org ID]   (delete an organization made for it and look for what is left; or look for a deleted one)',
    options: { org: z.uuid().optional() },
    async run(at, { org }) {
      const on = await at.open()
      if (org === undefined) {
        const canary = await runCanary(on)
        if (canary.outcome !== 'clean') throw new Alarm(canary)
        return canary
      }
      const left = await countLeft(on, org)
      const { hits } = await searchStores(on, [org])
      const findings = [...left, ...hits.map(findingOf)]
      if (findings.length > 0) throw new Alarm({ org_id: org, findings })
      return { org_id: org, findings }
    },
  }),
}
