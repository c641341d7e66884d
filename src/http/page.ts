import type { Request, Response } from 'express'

/**
 * True when htmx asks for a part of a page. A history restore comes without the header and gets the whole page,
 * so every address that is pushed must render one.
 */
export const wantsFragment = (req: Request): boolean => req.get('hx-request-type') === 'partial'

export const wantsJson = (req: Request): boolean =>
  req.path.startsWith('/api/') || req.accepts(['html', 'json']) === 'json'

/** Render a page whole; its answer differs by whether htmx asks for a part. */
export function showPage(res: Response, view: string, model: object = {}): void {
  res.vary('HX-Request-Type')
  res.render(view, { ...model })
}
