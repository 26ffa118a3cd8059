import type { Socket } from 'node:net'
import { HostChannel } from './host-channel.ts'
import { plainAddress } from './listen-address.ts'
import { type Hello, TO_LEADER, type ToFollower, type ToLeader } from './messages.ts'

type Answer = Extract<ToLeader, { kind: 'listening' | 'ready' | 'ran' | 'ended' }>

interface Waiting {
  readonly kind: Answer['kind']
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

export interface FollowerEvents {
  hello(hello: Hello): void
  /** Someone at that host wants the run to end. */
  stop(): void
  /** Told once; `remedy` is null for a fault of ours. */
  failed(reason: string, remedy: string | null): void
}

/** The leader's end of its connection to one follower: what it asks is answered in order. */
export class FollowerLink {
  /** The follower's address as this host sees it. */
  readonly address: string
  /** The address of this host that it came to. */
  readonly localAddress: string
  readonly #channel: HostChannel<ToFollower, ToLeader>
  readonly #events: FollowerEvents
  readonly #waiting: Waiting[] = []
  #failure: Error | null = null
  #said = false

  constructor(socket: Socket, patience: number, events: FollowerEvents) {
    this.#events = events
    this.address = plainAddress(socket.remoteAddress)
    this.localAddress = plainAddress(socket.localAddress)
    this.#channel = new HostChannel(socket, TO_LEADER, patience, {
      message: (message) => this.#take(message),
      lost: (reason) => this.#fail(reason, null),
    })
  }

  send(message: ToFollower): Promise<void> {
    return this.#channel.send(message)
  }

  /** The next answer of this kind. @throws Error where the follower fails */
  async listening(): Promise<number | null> {
    const answer = await this.#next('listening')
    return answer.kind === 'listening' ? answer.port : null
  }

  async ready(): Promise<string> {
    const answer = await this.#next('ready')
    return answer.kind === 'ready' ? answer.images : ''
  }

  async ran(): Promise<readonly (readonly number[])[]> {
    const answer = await this.#next('ran')
    return answer.kind === 'ran' ? answer.outputs : []
  }

  async ended(): Promise<string | null> {
    const answer = await this.#next('ended')
    return answer.kind === 'ended' ? answer.state : null
  }

  close(): void {
    this.#channel.close()
  }

  #next(kind: Answer['kind']): Promise<Answer> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ kind, resolve, reject })
    })
    // Whoever awaits it later is told; until then its failure is not one that nobody handles.
    answer.catch(() => undefined)
    return answer
  }

  #take(message: ToLeader): void {
    // Who has not said which host it is, once, has no other word.
    if ((message.kind === 'hello') === this.#said) {
      this.#fail(`it said ${message.kind} where ${this.#said ? 'a host is known' : 'hello was asked'}`, null)
      this.close()
      return
    }
    this.#said = true
    switch (message.kind) {
      case 'hello':
        this.#events.hello(message)
        break
      case 'stop':
        this.#events.stop()
        break
      case 'failed':
        this.#fail(message.message, message.remedy)
        break
      case 'listening':
      case 'ready':
      case 'ran':
      case 'ended': {
        const waiting = this.#waiting.shift()
        if (waiting?.kind === message.kind) waiting.resolve(message)
        else this.#fail(`it answered ${message.kind} where ${waiting?.kind ?? 'nothing'} was asked`, null)
        break
      }
      case 'alive':
        break
      default:
        message satisfies never
    }
  }

  #fail(reason: string, remedy: string | null): void {
    if (this.#failure !== null) return
    this.#failure = new Error(reason)
    this.#events.failed(reason, remedy)
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}
