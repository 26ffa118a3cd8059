import { fileURLToPath } from 'node:url'

// From dist/test/, where the compiled tests lie, to the fixtures in the sources.
const folder = new URL('../../test/fixtures/', import.meta.url)

/** Path of a file under test/fixtures/. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(name, folder))
}
