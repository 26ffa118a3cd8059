/**
 * `npm run format:cpp [-- --check]`: all C++ in the format of .clang-format. `--check` changes nothing, names the files that differ and ends
 * with exit code 1. One version of clang-format decides, since versions differ in details: pip fetches it into .setup/.
 */
import { existsSync } from 'node:fs'
import { argv } from 'node:process'
import { inRoot, root } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'
import { filesBelow } from './setup/stamp.mjs'

const VERSION = '23.1.5'
const folder = inRoot(`.setup/clang-format-${VERSION}`)
const program = `${folder}/clang_format/data/bin/clang-format`

if (!existsSync(program)) {
  const wanted = ['--no-deps', '--only-binary=:all:', '--target', folder, `clang-format==${VERSION}`]
  const { status, output } = await runCommand('python3', ['-m', 'pip', 'install', '--quiet', ...wanted])
  if (status !== 0) {
    console.error(`Expected pip to fetch clang-format ${VERSION} but it failed\n${output}`)
    console.error("Check the network and pip's configuration, then run: npm run format:cpp")
    process.exit(1)
  }
}
const folders = ['native/common', 'native/engine', 'native/images', 'native/pjrt']
const sources = folders.flatMap((folder) => filesBelow(folder, ['.cpp', '.hpp']))
const mode = argv.includes('--check') ? ['--dry-run', '--Werror'] : ['-i']
const { status, output } = await runCommand(program, [...mode, ...sources], { cwd: root })
if (status !== 0) {
  const differing = new Set([...output.matchAll(/^(native\/\S+?):\d+/gm)].map(([, path]) => path))
  console.log([...differing, 'Run: npm run format:cpp'].join('\n'))
  process.exitCode = 1
}
