import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The package's root folder. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Absolute path of something in the package. */
export const inRoot = (path) => fileURLToPath(new URL(path, new URL('../../', import.meta.url)))

/** Whether this is a clone of the repository; an installation from npm has no TypeScript sources. */
export const isClone = existsSync(inRoot('tsconfig.json'))

/** What sets up, for remedies. */
export const setupCommand = isClone ? 'npm run setup' : 'npx native-ensemble setup'
