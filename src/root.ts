import { existsSync } from 'node:fs'
import path from 'node:path'

/** The project's folder: views and public are read from it both by `src/` and by the compiled `build/src/`. */
export const ROOT = [
  path.join(import.meta.dirname, '..'),
  path.join(import.meta.dirname, '../..'),
].find((folder) => existsSync(path.join(folder, 'package.json'))) as string
