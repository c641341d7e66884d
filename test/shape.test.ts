import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ejs from 'ejs'

const ROOT = path.join(import.meta.dirname, '..')
const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => path.join(folder, file))
    .toSorted()
const textOf = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')
const linesOf = (file: string): number => textOf(file).trimEnd().split('\n').length
const sources = ['src', 'workers', 'migrations'].flatMap((folder) => filesIn(folder, '.ts'))
const views = filesIn('views', '.ejs')

/** The value that nineteen of twenty are not above. */
function ninetyFifth(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * 0.95)] ?? 0
}

test('there is something to measure', () => {
  expect(sources.length).toBeGreaterThan(50)
  expect(views.length).toBeGreaterThan(30)
})

test('a source file is read in one go: 300 lines at most, 180 for nearly all', () => {
  const sizes = sources.map(linesOf)
  expect(sources.filter((_file, i) => (sizes[i] ?? 0) > 300)).toEqual([])
  expect(ninetyFifth(sizes)).toBeLessThanOrEqual(180)
})

test('a worker is 30 lines at most', () => {
  expect(filesIn('workers', '.ts').filter((file) => linesOf(file) > 30)).toEqual([])
})

test('folders are named for what the product is about, never for a layer', () => {
  const layers =
    /^(utils?|helpers?|services?|lib|common|misc|models?|controllers?|repositor(y|ies)|types)$/
  const folders = readdirSync(path.join(ROOT, 'src'), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
  expect(folders.filter((name) => layers.test(name))).toEqual([])
})

test('nothing is left for later in the code', () => {
  const marks = /\b(TODO|FIXME|XXX|HACK)\b/
  const files = [...sources, ...views, ...filesIn('public', '.js'), ...filesIn('public', '.css')]
  expect(files.filter((file) => marks.test(textOf(file)))).toEqual([])
})

/** What a view must not hold, with the reason in its name. */
const FORBIDDEN: Record<string, RegExp> = {
  'prints unescaped what is no include': /<%-(?!\s*include\()/,
  'carries a script of its own': /<script(?![^>]*\ssrc=)/,
  'carries a style of its own': /<style|\sstyle=/,
  'has a handler in an attribute': /\s(on[a-z]+|hx-on[\w:-]*)=/,
  'has an expression where the policy allows none': /=["']\s*(js|javascript):/,
  'filters a trigger by an expression': /hx-trigger=("[^"]*\[|'[^']*\[)/,
}

describe.each(views)('%s', (file) => {
  const text = textOf(file)

  test('compiles, in at most 120 lines', () => {
    expect(() => ejs.compile(text, { filename: path.join(ROOT, file) })).not.toThrow()
    expect(linesOf(file)).toBeLessThanOrEqual(120)
  })

  test.each(Object.entries(FORBIDDEN))('never %s', (_what, pattern) => {
    expect(text.match(pattern)).toBeNull()
  })

  // After a swap the focus goes to the element with the same id, and to nowhere when there is none.
  test('gives everything that takes the focus an id', () => {
    const plain = text.replace(/<%[^]*?%>/g, '0')
    const takers = plain.match(/<(a|button|input|select|textarea|summary)\b[^>]*>/g) ?? []
    const nameless = takers.filter(
      (tag) => !/\sid="/.test(tag) && !/type="hidden"/.test(tag) && !/^<a(?![^>]*href)/.test(tag),
    )
    expect(nameless).toEqual([])
  })
})

test('names at the top of our scripts are unique, because they are served as one', () => {
  const names = filesIn('public/js', '.js')
    .filter((file) => !file.endsWith('sandbox.js'))
    .flatMap((file) =>
      Array.from(textOf(file).matchAll(/^(?:export )?(?:async )?(?:function|const|let) (\w+)/gm)),
    )
    .map(([, name]) => name)
  expect(names.length).toBeGreaterThan(20)
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
})
