import { fileURLToPath } from 'node:url'

/** The package's root folder. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Absolute path of something in the package. */
export const inRoot = (path) => fileURLToPath(new URL(path, new URL('../../', import.meta.url)))
