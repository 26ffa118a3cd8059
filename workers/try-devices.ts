/**
 * A process of `native-ensemble devices`: opens a client and tries its devices. A plugin that cannot work may end the process
 * that it is in. Takes XlaDevices as its argument, writes TriedDevices, or what was wrong, to file descriptor 3.
 */
import { writeSync } from 'node:fs'
import type { XlaDevices } from '../src/engine/executors/xla/open-client.ts'
import { tryDevices } from '../src/engine/executors/xla/try-devices.ts'
import { UserFault } from '../src/vocabulary/fault.ts'

const wanted: XlaDevices = JSON.parse(process.argv[2] ?? '')
const RESULT = 3
try {
  writeSync(RESULT, JSON.stringify({ tried: tryDevices(wanted) }))
} catch (error) {
  if (!(error instanceof UserFault)) throw error
  writeSync(RESULT, JSON.stringify({ message: error.message, remedy: error.remedy }))
}
