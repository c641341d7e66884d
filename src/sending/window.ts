/** The customer service window: open for 24 hours after the customer's last message, by WhatsApp's clock. */
export type Window = { open: boolean; minutesLeft: number }

/**
 * Whether anything but a template may be sent, and for how many minutes more (rounded up, 0 when closed).
 * `expires` is the newest customer message's own time plus 24 hours, null when they never wrote.
 * Source: WhatsApp Cloud API, customer service windows.
 */
export function windowState(expires: Date | null, now: Date): Window {
  const leftMs = expires ? expires.getTime() - now.getTime() : 0
  return { open: leftMs > 0, minutesLeft: Math.max(0, Math.ceil(leftMs / 60_000)) }
}
