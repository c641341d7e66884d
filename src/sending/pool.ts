import type { Doorbell } from '../queues.ts'

/** Room for one post; `leave` gives it back, once or more often. */
export type Place = { leave(): void }

/** Posts in flight, counted so that one connection or organization cannot take the whole process. */
export type Pool = {
  /** Up to `most` places, fewer when the connection, its organization or the process is full. */
  enter(at: Doorbell, most: number): Place[]
}

const PER_CONNECTION = 20
const PER_PROCESS = 64
const PER_ORGANIZATION = PER_PROCESS / 4

export function openPool(): Pool {
  const taken = new Set<Doorbell>()
  const count = (same: (other: Doorbell) => boolean): number => [...taken].filter(same).length
  return {
    enter(at, most) {
      const free = Math.min(
        most,
        PER_PROCESS - taken.size,
        PER_CONNECTION - count((other) => other.connection === at.connection),
        PER_ORGANIZATION - count((other) => other.org === at.org),
      )
      return Array.from({ length: Math.max(0, free) }, () => {
        const place = { ...at }
        taken.add(place)
        return { leave: () => void taken.delete(place) }
      })
    },
  }
}
