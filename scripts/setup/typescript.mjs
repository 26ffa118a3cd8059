import { existsSync, rmSync } from 'node:fs'
import { inRoot, root } from './places.mjs'
import { runCommand } from './run-command.mjs'
import { SetupFault } from './setup-fault.mjs'
import { filesBelow, hashOfFiles, readStamp, removeStamp, writeStamp } from './stamp.mjs'

const FOLDERS = ['src', 'workers', 'test', 'bench']

/** TypeScript sources of the build, relative to the package's root. */
export const typeScriptSources = () => FOLDERS.flatMap((folder) => filesBelow(folder, ['.ts']).filter(isCompiled))

// tsconfig.json leaves out fixtures, and declarations have no output.
const isCompiled = (path) => !path.includes('/fixtures/') && !path.endsWith('.d.ts')

/** `src/cli/main.ts` -> `dist/src/cli/main.js` */
export const compiledPath = (source) => `dist/${source.replace(/\.ts$/, '.js')}`

/**
 * Type-checks the sources and compiles them to dist/ where they changed; removes what was compiled from sources that
 * are gone.
 * @returns {Promise<string | null>} what was done, null where nothing was to do
 * @throws {SetupFault} with tsc's findings; what it could emit is in dist/ nevertheless
 */
export async function buildTypeScript() {
  const sources = typeScriptSources()
  const key = hashOfFiles([...sources, 'tsconfig.json', 'package-lock.json'])
  const whole = sources.every((source) => existsSync(inRoot(compiledPath(source))))
  if (whole && readStamp('typescript')?.key === key) return null

  removeStamp('typescript')
  const expected = new Set(sources.map(compiledPath))
  for (const compiled of FOLDERS.flatMap((folder) => filesBelow(`dist/${folder}`, ['.js', '.js.map']))) {
    if (!expected.has(compiled.replace(/\.map$/, ''))) rmSync(inRoot(compiled), { force: true })
  }
  // tsc trusts its notes of the last build and would not write a missing output again.
  if (!whole) rmSync(inRoot('dist/.tsbuildinfo'), { force: true })
  const tsc = inRoot('node_modules/typescript/bin/tsc')
  const { status, output } = await runCommand(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: root })
  if (status !== 0) {
    throw new SetupFault(
      'Expected the sources to type-check but tsc found faults',
      'Correct them; list: npm run build',
      output,
    )
  }
  writeStamp('typescript', { key })
  return 'TypeScript compiled'
}
