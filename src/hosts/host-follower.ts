/** A host that is not rank 0: does what the leader tells it, in order. */
import { connect, type Socket } from 'node:net'
import type { HostPlace } from '../config/host-place.ts'
import type { RunConfig } from '../config/run-config.ts'
import { HostMesh } from '../executors/onednn/host-mesh.ts'
import { UserFault } from '../vocabulary/fault.ts'
import { explainFailure } from './explain-failure.ts'
import { HostChannel } from './host-channel.ts'
import type { HostLinks } from './host-links.ts'
import { type Hello, PROTOCOL_VERSION, type ToFollower, type ToLeader, toFollowerSchema } from './messages.ts'
import { hostPatience, PATIENCE_VARIABLE } from './patience.ts'

/** Between two attempts to reach the leader, milliseconds. */
const PAUSE = 200

type Told = Exclude<ToFollower, { kind: 'failed' | 'alive' }>

export class HostFollower {
  readonly place: HostPlace
  readonly #channel: HostChannel<ToLeader, ToFollower>
  readonly #told: Told[] = []
  readonly #failed = new AbortController()
  #waiting: { resolve: (message: Told) => void; reject: (fault: Error) => void } | null = null
  #mesh: HostMesh | null = null
  #closed = false

  /** Reaches the leader. @throws UserFault where it does not answer in time */
  static async join(
    place: HostPlace,
    command: Hello['command'],
    settings: Readonly<Record<string, string>> | null,
  ): Promise<HostFollower> {
    const socket = await reach(place.coordinator, hostPatience())
    const follower = new HostFollower(place, socket)
    const { hosts, rank } = place
    await follower.#channel.send({
      kind: 'hello',
      version: PROTOCOL_VERSION,
      hosts,
      rank,
      command,
      settings: settings && { ...settings },
    })
    return follower
  }

  private constructor(place: HostPlace, socket: Socket) {
    this.place = place
    this.#channel = new HostChannel(socket, toFollowerSchema, hostPatience(), {
      message: (message) => this.#take(message),
      lost: (reason) => {
        const remedy = 'Its own output says more. It has the checkpoints: resume there and here goes on from the last.'
        this.#fail(new UserFault(`Expected host 0 to go on but it is gone: ${reason}.`, remedy))
      },
    })
  }

  /** Aborted when the leader ended the run or is gone; its reason says how. */
  get failed(): AbortSignal {
    return this.#failed.signal
  }

  /** The leader's next message. One call at a time. @throws UserFault where the leader failed */
  next(): Promise<Told> {
    const told = this.#told.shift()
    if (told !== undefined) return Promise.resolve(told)
    if (this.failed.aborted) return Promise.reject(this.failed.reason)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  /** Makes the connections of a run that begins. @param token of the message `begin` @throws UserFault */
  async link(config: RunConfig, token: string): Promise<HostLinks> {
    const { hosts, rank, coordinator } = this.place
    const own = config.executor === 'onednn' && this.#mesh === null ? new HostMesh(rank, hosts, hostPatience()) : null
    this.#mesh ??= own
    await this.#channel.send({ kind: 'listening', port: own?.port ?? null })
    const links = await this.next()
    if (links.kind !== 'links') throw new Error(`Expected the hosts' links but received ${links.kind}`)
    const addresses = links.mesh?.map(({ host, port }) => ({ host: host || coordinator.host, port }))
    if (addresses !== undefined) own?.connect(addresses, token)
    const store = links.store && { host: coordinator.host, ...links.store }
    return { hosts, rank, mesh: this.#mesh?.link ?? null, store }
  }

  /** State and images are there. */
  ready(images: string): Promise<void> {
    return this.#channel.send({ kind: 'ready', images })
  }

  /** A step is done. @param outputs of each replica of this host */
  ran(outputs: readonly (readonly number[])[]): Promise<void> {
    return this.#channel.send({ kind: 'ran', outputs: outputs.map((values) => [...values]) })
  }

  /** Asks for the end of the run: the leader decides. */
  requestStop(): void {
    void this.#channel.send({ kind: 'stop' })
  }

  /** As HostLeader.explain. */
  async explain(error: unknown): Promise<unknown> {
    return await explainFailure(this.failed, error)
  }

  /** Tells the leader what ended this host. */
  async fail(error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error)
    const remedy = error instanceof UserFault ? error.remedy : null
    if (!this.failed.aborted) await this.#channel.send({ kind: 'failed', message, remedy })
    this.close()
  }

  close(): void {
    this.#closed = true
    this.#channel.close()
  }

  #take(message: ToFollower): void {
    if (message.kind === 'alive') return
    if (message.kind === 'failed') {
      this.#fail(new UserFault(message.message, message.remedy))
      return
    }
    if (this.#waiting === null) this.#told.push(message)
    else this.#waiting.resolve(message)
    this.#waiting = null
  }

  #fail(fault: UserFault): void {
    if (this.#closed || this.failed.aborted) return
    this.#failed.abort(fault)
    this.#waiting?.reject(fault)
    this.#waiting = null
  }
}

/** Hosts start in any order: the leader may not listen yet. */
async function reach({ host, port }: HostPlace['coordinator'], patience: number): Promise<Socket> {
  const until = performance.now() + patience
  for (;;) {
    const answer = await attempt(host, port, Math.min(patience, 5000))
    if (typeof answer !== 'string') return answer
    if (performance.now() > until) {
      throw new UserFault(
        `Expected rank 0 at --coordinator ${host}:${port} within ${Math.round(patience / 1000)} s but received: ${answer}.`,
        `Start it there with --host-rank 0, and see that the port can be reached; ${PATIENCE_VARIABLE}=<seconds> waits longer.`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
}

/** @returns the connection, or why there is none */
function attempt(host: string, port: number, patience: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const fail = (reason: string) => {
      socket.destroy()
      resolve(reason)
    }
    const timer = setTimeout(() => fail('no answer'), patience)
    socket.once('error', (error) => {
      clearTimeout(timer)
      fail(error.message)
    })
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}
