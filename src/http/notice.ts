import type { Response } from 'express'
import { showPage } from './page.ts'

/** A page that only says something and where to go next. */
export type Notice = {
  status: number
  title: string
  lines: string[]
  link: { href: string; text: string }
}

export function showNotice(res: Response, notice: Notice): void {
  res.status(notice.status)
  showPage(res, 'accounts/notice', notice)
}
