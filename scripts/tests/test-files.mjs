import { compiledPath, typeScriptSources } from '../setup/typescript.mjs'

/** Tests that run the engine's addon, and compare what it computes. */
export const ENGINE_TESTS = [
  'test/executors/agreement',
  'test/executors/pytorch-operators',
  'test/executors/whole-step',
  'test/executors/cpu/host-mesh',
]

/**
 * Compiled tests whose path holds one of the words.
 * @param {readonly string[]} wanted none = all tests
 */
export function testFiles(wanted) {
  return typeScriptSources()
    .filter((path) => path.startsWith('test/') && path.endsWith('.test.ts'))
    .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)))
    .map(compiledPath)
}
