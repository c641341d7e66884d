import { readFileSync } from 'node:fs'
import path from 'node:path'

/** What the board's own page loads, by the names its build gave them. */
export type BoardFiles = { scripts: string[]; styles: string[] }

/** Read from the page the package brings; `folder` is the package, `at` where its files are served. */
export function boardFiles(folder: string, at: string): BoardFiles {
  const page = readFileSync(path.join(folder, 'dist/index.ejs'), 'utf8')
  const named = (pattern: RegExp): string[] =>
    [...page.matchAll(pattern)].map(([, file]) => `${at}/${file}`)
  return {
    scripts: named(/<script defer src="(static\/js\/[\w./-]+\.js)"/g),
    styles: named(/<link href="(static\/css\/[\w./-]+\.css)"/g),
  }
}

/**
 * The page that the board's script fills, without the fonts from elsewhere and the inline styles of the package's own:
 * the policy of our pages allows neither. `config` is JSON in which no bracket of a tag is left.
 */
export const boardPage = (at: string, config: string, { scripts, styles }: BoardFiles): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<base href="${at}/">
<title>Jobs · Operations</title>
<link rel="icon" type="image/svg+xml" id="fav-logo" href="${at}/static/images/logo.svg">
${styles.map((file) => `<link rel="stylesheet" href="${file}">`).join('\n')}
</head>
<body class="preload">
<script id="__UI_CONFIG__" type="application/json">${config}</script>
<div id="root"><p>Loading. Without scripts, <a href="/ops">the overview</a> tells how full each queue is.</p></div>
${scripts.map((file) => `<script defer src="${file}"></script>`).join('\n')}
</body>
</html>
`
