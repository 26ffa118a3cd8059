/**
 * How two ends of a connection prove to each other that they share a key before anything else is read:
 *
 *     listener:  magic (8 bytes), nonce (32)
 *     connector: nonce (32), HMAC-SHA256 of both nonces as connector (32)
 *     listener:  HMAC-SHA256 of both nonces as listener (32); zeros where the connector's is wrong
 *
 * native/common/handshake.hpp speaks the same.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'

/** Its digits are raised with what follows the handshake. */
const MAGIC = Buffer.from('NE-HOST3')
const NONCE = 32
const PROOF = 32

/** What the connection is for: a proof for one use is none for another. */
export type HandshakeUse = 'coordinator' | 'gradients' | 'store'

/** Why a handshake failed. */
export class HandshakeFault extends Error {
  /** `ended`: nobody said anything wrong; `foreign`: another program; `key`: the other end has another key. */
  readonly kind: 'ended' | 'foreign' | 'key'

  constructor(kind: HandshakeFault['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** Lets a connector prove itself. @throws HandshakeFault, within `patience` milliseconds */
export async function admit(socket: Socket, key: Uint8Array, use: HandshakeUse, patience: number): Promise<void> {
  const nonce = randomBytes(NONCE)
  socket.write(Buffer.concat([MAGIC, nonce]))
  const answer = await readExactly(socket, NONCE + PROOF, patience)
  const [theirs, proof] = [answer.subarray(0, NONCE), answer.subarray(NONCE)]
  if (!timingSafeEqual(proof, prove(key, 'connector', use, nonce, theirs))) {
    // A proof of nothing: the other end is to know that this was no accident of the network.
    socket.write(Buffer.alloc(PROOF))
    throw new HandshakeFault('key', 'it does not have the key of this run')
  }
  socket.write(prove(key, 'listener', use, nonce, theirs))
}

/** Proves this end to a listener, and takes its proof. @throws HandshakeFault, within `patience` milliseconds */
export async function introduce(socket: Socket, key: Uint8Array, use: HandshakeUse, patience: number): Promise<void> {
  const greeting = await readExactly(socket, MAGIC.length + NONCE, patience)
  if (!greeting.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new HandshakeFault('foreign', 'another program or another version of native-ensemble answers there')
  }
  const [theirs, nonce] = [greeting.subarray(MAGIC.length), randomBytes(NONCE)]
  socket.write(Buffer.concat([nonce, prove(key, 'connector', use, theirs, nonce)]))
  const proof = await readExactly(socket, PROOF, patience)
  if (timingSafeEqual(proof, prove(key, 'listener', use, theirs, nonce))) return
  throw new HandshakeFault('key', 'it has another key')
}

function prove(
  key: Uint8Array,
  role: 'listener' | 'connector',
  use: HandshakeUse,
  listener: Uint8Array,
  connector: Uint8Array,
): Buffer {
  return createHmac('sha256', key).update(`${role}\0${use}\0`).update(listener).update(connector).digest()
}

/** The next bytes; what follows them stays in the socket. */
function readExactly(socket: Socket, size: number, patience: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer)
      socket.off('readable', look).off('end', end).off('close', end).off('error', fail)
      act()
    }
    const look = () => {
      const bytes: Buffer | null = socket.read(size)
      if (bytes === null) return
      settle(() => (bytes.length === size ? resolve(bytes) : reject(ended())))
    }
    const ended = () => new HandshakeFault('ended', 'the connection ended')
    const end = () => settle(() => reject(ended()))
    const fail = (error: Error) => settle(() => reject(new HandshakeFault('ended', error.message)))
    const timer = setTimeout(() => settle(() => reject(new HandshakeFault('foreign', 'no answer'))), patience)
    socket.on('readable', look).on('end', end).on('close', end).on('error', fail)
    look()
  })
}
