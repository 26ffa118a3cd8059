import { runCommand } from './run-command.mjs'
import { SetupFault } from './setup-fault.mjs'

/** The C++ compiler: $CXX, else g++. */
export const compiler = process.env.CXX || 'g++'

/**
 * First line of the compiler's version.
 * @throws {SetupFault} where there is no compiler
 */
export async function compilerVersion() {
  const { status, stdout } = await runCommand(compiler, ['--version'])
  if (status !== 0) {
    throw new SetupFault(
      `Expected a C++ compiler named ${compiler} in PATH but found none`,
      'Install it: sudo apt-get install g++ (or name yours in the environment variable CXX)',
    )
  }
  return stdout.split('\n', 1)[0] ?? ''
}
