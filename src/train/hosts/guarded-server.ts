/** A port at which only those who prove the key are heard, and all others cost little. */
import { createServer, type Server, type Socket } from 'node:net'
import { admit, HandshakeFault, type HandshakeUse } from './handshake.ts'
import { plainAddress } from './listen-address.ts'

/** Connections that may be unproven at a time; the oldest makes room, since one of ours needs milliseconds. */
const MOST_UNPROVEN = 64
/** Time for the proof, milliseconds. */
const PROOF_PATIENCE = 10_000

export interface GuardedServer {
  readonly port: number
  /** Stops listening and ends what has not proved the key. */
  close(): void
}

export interface Guard {
  readonly key: Uint8Array
  readonly use: HandshakeUse
  /** Takes over a connection that proved the key. */
  admitted(socket: Socket): void
  /** Someone spoke our language with another key. */
  otherKey?(address: string): void
}

/**
 * @param host address of an interface, null = all
 * @param port 0 = one that is free
 * @throws Error of the system where it cannot listen there
 */
export async function listenGuarded(host: string | null, port: number, guard: Guard): Promise<GuardedServer> {
  const unproven = new Set<Socket>()
  const server = createServer((socket) => {
    // Until someone else takes over; a reset is no fault of ours.
    socket.on('error', () => undefined)
    socket.setNoDelay(true)
    const [oldest] = unproven
    if (unproven.size >= MOST_UNPROVEN) oldest?.destroy()
    unproven.add(socket)
    socket.once('close', () => unproven.delete(socket))
    const address = plainAddress(socket.remoteAddress)
    admit(socket, guard.key, guard.use, PROOF_PATIENCE).then(
      () => {
        // Closed meanwhile: there is nobody to take over for.
        if (!unproven.delete(socket)) return
        guard.admitted(socket)
      },
      (error: unknown) => {
        if (error instanceof HandshakeFault && error.kind === 'key') guard.otherKey?.(address)
        socket.destroySoon()
        unproven.delete(socket)
      },
    )
  })
  await listening(server, host, port)
  // A connection that could not be taken (no descriptors left, say) ends none of the others.
  server.on('error', () => undefined)
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('Expected the port of a server that listens')
  return {
    port: bound.port,
    close() {
      server.close()
      for (const socket of unproven) socket.destroy()
    },
  }
}

function listening(server: Server, host: string | null, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(host === null ? { port } : { host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
