/** Shared libraries that a test compiles from a few lines of C. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** @returns `path` */
export function makeLibrary(path: string, source: string): string {
  const { status, stderr } = spawnSync(process.env['CXX'] || 'g++', ['-x', 'c', '-shared', '-fPIC', '-', '-o', path], {
    encoding: 'utf8',
    input: source,
  })
  if (status !== 0) throw new Error(stderr)
  return path
}

/**
 * A library whose PJRT API says it is of this version and ends after so many functions; all it can is to be initialised.
 * @param initialise the body of that function in C
 */
export function makePlugin(
  folder: string,
  name: string,
  { minor, functions, initialise = 'return 0;' }: { minor: number; functions: number; initialise?: string },
): string {
  const fields = 'unsigned long size; void *extensions; unsigned long version_size; void *more; int major, minor;'
  const size = 16 + 24 + 8 * functions
  return makeLibrary(
    join(folder, `${name}.so`),
    `void abort(void);\nstatic void *initialise(void *args) { (void)args; ${initialise} }\n` +
      `static struct { ${fields} void *functions[200]; } api = ` +
      `{${size}, 0, 24, 0, 0, ${minor}, {[3] = (void *)initialise}};\nvoid *GetPjrtApi(void) { return &api; }\n`,
  )
}
