/**
 * The checksum that our safetensors files carry in `__metadata__`, where PyTorch reads past it: the CRC-32 of the whole file
 * with zeros in the checksum's own place. Two members tell that there is one, so that no single damaged bit makes a file of
 * ours look like one without.
 */
import { crc32 } from 'node:zlib'
import { damaged } from './safetensors-header.ts'

const FORMAT_KEY = 'native-ensemble'
const FORMAT = '1'
const CHECKSUM_KEY = 'native-ensemble-crc32'
const NO_DIGITS = '00000000'
const AGAIN =
  'Copy the file again, or write it again (native-ensemble export <run>). Weights that were changed on purpose are saved ' +
  'without the __metadata__ of native-ensemble.'

/** Members of `__metadata__` in a header that setSeal completes. */
export const SEAL: Readonly<Record<string, string>> = { [FORMAT_KEY]: FORMAT, [CHECKSUM_KEY]: NO_DIGITS }

/** Whether a file says that we wrote it. */
export const isSealed = (metadata: Readonly<Record<string, string>>) =>
  metadata[FORMAT_KEY] !== undefined || metadata[CHECKSUM_KEY] !== undefined

/** Puts the checksum into a header that was made with SEAL. */
export function setSeal(header: Uint8Array, checksum: number): void {
  Buffer.from(header.buffer, header.byteOffset, header.byteLength).write(
    printChecksum(checksum),
    digitsAt(header, NO_DIGITS),
  )
}

/** A checksum that is being computed. */
export interface OpenSeal {
  readonly checksum: number
  /** The bytes behind those that were added before. */
  add(bytes: Uint8Array): void
  /** @throws UserFault where the bytes are not those that were written */
  refuseOther(): void
}

/**
 * @param header the file's first bytes, up to the tensors
 * @returns null for a file that carries no checksum
 * @throws UserFault where the checksum itself is damaged
 */
export function checkSeal(
  header: Uint8Array,
  metadata: Readonly<Record<string, string>>,
  path: string,
): OpenSeal | null {
  if (!isSealed(metadata)) return null
  const digits = metadata[CHECKSUM_KEY] ?? ''
  const at = /^[0-9a-f]{8}$/.test(digits) ? digitsAt(header, digits) : -1
  if (at < 0 || metadata[FORMAT_KEY] !== FORMAT) throw damaged(path, 'its checksum is damaged', AGAIN)
  const open = Buffer.from(header)
  open.write(NO_DIGITS, at)
  let computed = crc32(open)
  return {
    checksum: Number.parseInt(digits, 16),
    add(bytes) {
      computed = crc32(bytes, computed)
    },
    refuseOther() {
      const received = printChecksum(computed)
      if (received === digits) return
      throw damaged(path, `its bytes have changed (CRC-32 ${received} instead of ${digits})`, AGAIN)
    },
  }
}

/** Where the digits stand; a quote within a string of JSON has a backslash before it, so this is found only as a member. */
function digitsAt(header: Uint8Array, digits: string): number {
  const before = `"${CHECKSUM_KEY}":"`
  const at = Buffer.from(header.buffer, header.byteOffset, header.byteLength).indexOf(`${before}${digits}"`)
  return at < 0 ? at : at + before.length
}

function printChecksum(checksum: number): string {
  return checksum.toString(16).padStart(NO_DIGITS.length, '0')
}
