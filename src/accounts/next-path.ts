const ORIGIN = 'http://own.invalid'
/** Going back to a way in or out after signing in would be a loop. */
const DOORS = /^\/(login|logout|signup|reset)(\/|$)/

/**
 * Where to go after signing in: `next` when it is a path of our own, else the inbox. Refuses whatever a browser
 * could read as another origin: `//host`, `/\host`, a tab or line break inside, full addresses, other schemes.
 */
export function ownPath(next: unknown): string {
  if (typeof next !== 'string' || !/^\/(?![/\\])[^\\\p{Cc}]*$/u.test(next)) return '/inbox'
  if (!URL.canParse(next, ORIGIN)) return '/inbox'
  const { origin, pathname, search } = new URL(next, ORIGIN)
  return origin !== ORIGIN || DOORS.test(pathname) ? '/inbox' : pathname + search
}
