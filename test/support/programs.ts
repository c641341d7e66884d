import path from 'node:path'

const ROOT = path.join(import.meta.dirname, '../..')

/**
 * What to give Node.js to run a file of the project, named from its root: compiled where the whole suite runs, which
 * starts more than a hundred processes and builds once for all of them; from source where only some files were asked for.
 */
export const programOf = (file: string): string[] =>
  process.env['TEST_BUILD'] === '1'
    ? ['--enable-source-maps', path.join(ROOT, 'build', file.replace(/\.ts$/, '.js'))]
    : ['--import', 'tsx', path.join(ROOT, file)]
