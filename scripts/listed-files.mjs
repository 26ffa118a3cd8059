import { spawnSync } from 'node:child_process'

/**
 * @param {string} root of the package
 * @param {readonly string[]} which options of `git ls-files`; usual: what git knows and what it could be given
 * @returns {string[] | null} paths below the root; null where it is no git checkout
 */
export function listedFiles(root, which = ['--cached', '--others', '--exclude-standard']) {
  const { status, stdout } = spawnSync('git', ['ls-files', '-z', ...which], { cwd: root, encoding: 'utf8' })
  return status === 0 ? [...new Set(stdout.split('\0').filter((path) => path !== ''))] : null
}
