/**
 * The key-value store through which the clients of PJRT plugins on several hosts find each other. It lives in a thread of
 * its own: the main thread waits for its own client, which asks the store. Its clients are native/pjrt/key_value_store.cpp.
 */
import type { Socket } from 'node:net'
import { type GuardedServer, listenGuarded } from './guarded-server.ts'

/** Bytes of a request's head: put or get, milliseconds to wait, bytes of the key, bytes of the value; u32 each. */
const HEAD = 16
/** No key with its value is longer; topologies of large hosts take some megabytes. */
const LONGEST = 2 ** 26

/** Longer timers of Node end at once. Milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1

export interface StoreSettings {
  /** Of an interface, '' = all. */
  readonly address: string
  /** That clients prove. */
  readonly key: Uint8Array
}

/** Opens a store on a free port. */
export async function serveKeyValues({ address, key }: StoreSettings): Promise<GuardedServer> {
  const values = new Map<string, Buffer>()
  const waiting = new Map<string, Set<() => void>>()
  const serve = ({ put, timeout, key, value }: Request, socket: Socket) => {
    if (put) {
      values.set(key, value)
      answer(socket, Buffer.alloc(0))
      for (const tell of waiting.get(key) ?? []) tell()
      waiting.delete(key)
      return
    }
    const known = values.get(key) ?? null
    if (known !== null || timeout === 0) {
      answer(socket, known)
      return
    }
    const others = waiting.get(key) ?? new Set()
    waiting.set(key, others)
    const tell = () => {
      clearTimeout(timer)
      answer(socket, values.get(key) ?? null)
    }
    const timer = setTimeout(() => {
      others.delete(tell)
      tell()
    }, timeout)
    others.add(tell)
    socket.on('close', () => {
      clearTimeout(timer)
      others.delete(tell)
    })
  }

  return await listenGuarded(address === '' ? null : address, 0, {
    key,
    use: 'store',
    admitted: (socket) => readRequest(socket, (request) => serve(request, socket)),
  })
}

interface Request {
  readonly put: boolean
  /** Milliseconds. */
  readonly timeout: number
  readonly key: string
  readonly value: Buffer
}

/** One request a connection; one that is no request is cut off. */
function readRequest(socket: Socket, serve: (request: Request) => void): void {
  let received: Buffer[] = []
  let [bytes, needed] = [0, HEAD]
  socket.on('data', (more) => {
    received.push(more)
    bytes += more.length
    if (bytes < needed) return
    const all = Buffer.concat(received)
    received = [all]
    const [put, timeout, keySize, valueSize] = [0, 4, 8, 12].map((at) => all.readUInt32LE(at))
    if (put === undefined || timeout === undefined || keySize === undefined || valueSize === undefined) return
    needed = HEAD + keySize + valueSize
    if (put > 1 || needed > LONGEST || bytes > needed) {
      socket.destroy()
      return
    }
    if (bytes < needed) return
    const key = all.toString('utf8', HEAD, HEAD + keySize)
    serve({
      put: put === 1,
      timeout: Math.min(timeout, LONGEST_WAIT),
      key,
      value: all.subarray(HEAD + keySize, HEAD + keySize + valueSize),
    })
  })
}

/** @param value null = there is none */
function answer(socket: Socket, value: Buffer | null): void {
  const head = Buffer.alloc(8)
  head.writeUInt32LE(value === null ? 0 : 1, 0)
  head.writeUInt32LE(value?.length ?? 0, 4)
  socket.write(head)
  socket.end(value ?? Buffer.alloc(0))
}
