/** Stamps in .setup/ say from which contents a step's result was made, so that a later start does only what changed. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from './places.mjs'

/** SHA-256 over the parts, in hex; a part's end cannot be mistaken for another's. */
export function hashOf(parts) {
  const hash = createHash('sha256')
  for (const part of parts) {
    hash.update(`${part.length}:`)
    hash.update(part)
  }
  return hash.digest('hex')
}

/** SHA-256 over names and contents of files given relative to the package's root; a missing file counts as such. */
export function hashOfFiles(paths) {
  return hashOf(paths.flatMap((path) => [path, readIfThere(path) ?? 'missing']))
}

function readIfThere(path) {
  try {
    return readFileSync(inRoot(path))
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

/** Files below a folder of the package whose names end in one of `endings`, sorted, relative to the package's root. */
export function filesBelow(folder, endings) {
  let entries
  try {
    entries = readdirSync(inRoot(folder), { withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
  return entries
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesBelow(path, endings)
      return endings.some((ending) => entry.name.endsWith(ending)) ? [path] : []
    })
    .sort()
}

/** What the stamp of a step holds, null where there is none or it cannot be read. */
export function readStamp(step) {
  try {
    return JSON.parse(readFileSync(inRoot(`.setup/${step}.json`), 'utf8'))
  } catch {
    // A missing or damaged stamp means only that the step runs again.
    return null
  }
}

export function writeStamp(step, content) {
  mkdirSync(inRoot('.setup'), { recursive: true })
  const aside = inRoot(`.setup/${step}.${process.pid}.part`)
  writeFileSync(aside, JSON.stringify(content, null, 2))
  renameSync(aside, inRoot(`.setup/${step}.json`))
}

export function removeStamp(step) {
  rmSync(inRoot(`.setup/${step}.json`), { force: true })
}
