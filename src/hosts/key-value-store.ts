/**
 * The key-value store through which the clients of PJRT plugins on several hosts find each other. It lives in a thread of
 * its own: the main thread waits for its own client, which asks the store. Its clients are native/pjrt/key_value_store.cpp.
 */
import { createServer, type Server, type Socket } from 'node:net'

/** Bytes of a request's head: put or get, milliseconds to wait, bytes of the key, bytes of the value; u32 each. */
const HEAD = 16
/** No key with its value is longer; topologies of large hosts take some megabytes. */
const LONGEST = 2 ** 28

export interface KeyValueServer {
  readonly port: number
  close(): void
}

/** Opens a store on a free port of all interfaces. */
export async function serveKeyValues(): Promise<KeyValueServer> {
  const values = new Map<string, Buffer>()
  const waiting = new Map<string, Set<() => void>>()
  const server: Server = createServer((socket) => {
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    readRequest(socket, (request) => serve(request, socket))
  })

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

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Expected a port for the key-value store')
  return { port: address.port, close: () => server.close() }
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
  const received: Buffer[] = []
  let served = false
  socket.on('data', (bytes) => {
    received.push(bytes)
    const all = Buffer.concat(received)
    if (served || all.length < HEAD) return
    const [put, timeout, keySize, valueSize] = [0, 4, 8, 12].map((at) => all.readUInt32LE(at))
    if (put === undefined || timeout === undefined || keySize === undefined || valueSize === undefined) return
    if (put > 1 || keySize + valueSize > LONGEST) {
      socket.destroy()
      return
    }
    if (all.length < HEAD + keySize + valueSize) return
    served = true
    const key = all.toString('utf8', HEAD, HEAD + keySize)
    serve({ put: put === 1, timeout, key, value: all.subarray(HEAD + keySize, HEAD + keySize + valueSize) })
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
