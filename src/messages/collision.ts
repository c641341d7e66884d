/** Somebody else is making the same person or conversation; a fresh look finds it. */
export class Collision extends Error {}

/** True for what another try cures: somebody else wrote the same rows at the same moment. */
export function isCollision(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return error instanceof Collision || ['23505', '23503', '40P01', '40001'].includes(code)
}
