const BROWSERS: [RegExp, string][] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS|Chromium|HeadlessChrome)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]
const SYSTEMS: [RegExp, string][] = [
  [/\b(iPhone|iPad|iPod)\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

/**
 * "Firefox on Linux": enough to recognise one's own devices in a list. The header itself, with versions that
 * single a person out, is not kept.
 */
export function deviceOf(userAgent: string | undefined): string {
  const first = (pairs: [RegExp, string][]): string | undefined =>
    pairs.find(([pattern]) => pattern.test(userAgent ?? ''))?.[1]
  const system = first(SYSTEMS)
  return (first(BROWSERS) ?? 'Another program') + (system ? ` on ${system}` : '')
}
