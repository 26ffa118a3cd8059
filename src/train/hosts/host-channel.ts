import type { Socket } from 'node:net'
import { Packr } from 'msgpackr'
import type { z } from 'zod'

/** Length in front of each message, bytes. */
const HEAD = 4
/** How long what was sent last may take to reach the other side, milliseconds. */
const FAREWELL = 5000

export interface Understood<In> {
  readonly schema: z.ZodType<In>
  readonly longest: number
}

export interface ChannelEvents<In> {
  message(message: In): void
  /** Told once: the connection ended, the other side is silent, or speaks another language. */
  lost(reason: string): void
}

/** The messages in order over a TCP connection: MessagePack with a length in front. Both sides say that they are alive. */
export class HostChannel<Out extends { readonly kind: string }, In extends { readonly kind: string }> {
  readonly #socket: Socket
  readonly #schema: z.ZodType<In>
  readonly #events: ChannelEvents<In>
  readonly #packr = new Packr({ useRecords: false })
  readonly #longest: number
  readonly #alive: NodeJS.Timeout
  #received: Buffer[] = []
  #receivedBytes = 0
  #heard = performance.now()
  #silentBefore = false
  #open = true

  /**
   * @param messages what the other side may say, and the most bytes of one message: what is longer is never read
   * @param patience milliseconds of silence after which the other side is lost
   */
  constructor(socket: Socket, messages: Understood<In>, patience: number, events: ChannelEvents<In>) {
    this.#socket = socket
    this.#schema = messages.schema
    this.#longest = messages.longest
    this.#events = events
    socket.setNoDelay(true)
    socket.on('data', (bytes) => this.#take(bytes))
    socket.on('error', (error) => this.#lose(error.message))
    socket.on('close', () => this.#lose('the connection ended'))
    this.#alive = setInterval(() => this.#beat(patience), Math.min(5000, patience / 8)).unref()
  }

  /** Resolves when the system has taken the message; nothing is sent any more where the channel is closed. */
  send(message: Out): Promise<void> {
    return this.#write(this.#packr.pack(message))
  }

  /** Ends the connection after what was sent; another side that takes nothing does not keep this process. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    clearInterval(this.#alive)
    const farewell = setTimeout(() => this.#socket.destroy(), FAREWELL)
    this.#socket.on('close', () => clearTimeout(farewell))
    // It goes on to read: a connection that is cut while the other side speaks would take back what was sent.
    this.#socket.end()
  }

  #write(body: Buffer): Promise<void> {
    if (!this.#open) return Promise.resolve()
    const head = Buffer.alloc(HEAD)
    head.writeUInt32LE(body.length)
    return new Promise((resolve) => {
      this.#socket.cork()
      this.#socket.write(head)
      // A failure is told by the socket's own events.
      this.#socket.write(body, () => resolve())
      this.#socket.uncork()
    })
  }

  #beat(patience: number): void {
    void this.#write(this.#packr.pack({ kind: 'alive' }))
    const silent = performance.now() - this.#heard > patience
    // This thread may have been busy itself: what came meanwhile is read before the next beat.
    if (silent && this.#silentBefore) this.#lose(`it was silent for ${Math.round(patience / 1000)} s`)
    this.#silentBefore = silent
  }

  #take(bytes: Buffer): void {
    if (!this.#open) return
    this.#heard = performance.now()
    this.#received.push(bytes)
    this.#receivedBytes += bytes.length
    while (this.#open && this.#receivedBytes >= HEAD) {
      const [first = Buffer.alloc(0)] = this.#received
      const all = first.length >= HEAD ? first : Buffer.concat(this.#received)
      if (all !== first) this.#received = [all]
      const length = all.readUInt32LE()
      if (length > this.#longest) {
        this.#lose('it speaks another language')
        return
      }
      if (this.#receivedBytes < HEAD + length) return
      const whole = this.#received.length === 1 ? all : Buffer.concat(this.#received)
      this.#received = [whole.subarray(HEAD + length)]
      this.#receivedBytes -= HEAD + length
      this.#understand(whole.subarray(HEAD, HEAD + length))
    }
  }

  #understand(body: Buffer): void {
    let message: In
    try {
      message = this.#schema.parse(this.#packr.unpack(body))
    } catch {
      this.#lose('it speaks another language')
      return
    }
    if (message.kind !== 'alive') this.#events.message(message)
  }

  #lose(reason: string): void {
    if (!this.#open) return
    this.#open = false
    clearInterval(this.#alive)
    this.#socket.destroy()
    this.#events.lost(reason)
  }
}
