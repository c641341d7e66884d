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
}
