import { readFileSync } from 'node:fs'

/** Of this package; `unknown` where its manifest says none. */
export function packageVersion(): string {
  // From dist/src/vocabulary/ to the root of the package.
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  const known = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return known ? String(manifest.version) : 'unknown'
}
