/** A host that is not rank 0: does what the leader tells it, in order. */
import { connect, type Socket } from 'node:net'
import { type CoordinatorAddress, type HostPlace, printAddress } from '../../config/host-place.ts'
import type { RunConfig } from '../../config/run-config.ts'
import { HostMesh } from '../../engine/executors/cpu/host-mesh.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import { type ClusterKey, deriveKey, KEY_VARIABLE } from './cluster-key.ts'
import { explainFailure } from './explain-failure.ts'
import { HandshakeFault, introduce } from './handshake.ts'
import { HostChannel } from './host-channel.ts'
import type { HostLinks } from './host-links.ts'
import { commonAddress, plainAddress } from './listen-address.ts'
import { type Hello, PROTOCOL_VERSION, TO_FOLLOWER, type ToFollower, type ToLeader } from './messages.ts'
import { hostPatience, PATIENCE_VARIABLE } from './patience.ts'

/** Between two attempts to reach the leader, milliseconds. */
const PAUSE = 200

type Told = Exclude<ToFollower, { kind: 'failed' | 'alive' }>

export class HostFollower {
  readonly place: HostPlace
  readonly #key: ClusterKey
  /** The leader's address, and this host's own as the leader sees it. */
  readonly #leader: string
  readonly #own: string
  readonly #channel: HostChannel<ToLeader, ToFollower>
  readonly #told: Told[] = []
  readonly #failed = new AbortController()
  #waiting: { resolve: (message: Told) => void; reject: (fault: Error) => void } | null = null
  #mesh: HostMesh | null = null
  #closed = false

  /** Reaches the leader. @throws UserFault where it does not answer in time, or has another key */
  static async join(
    place: HostPlace,
    key: ClusterKey,
    command: Hello['command'],
    settings: Readonly<Record<string, string>> | null,
  ): Promise<HostFollower> {
    const socket = await reach(place.coordinator, key, hostPatience())
    const follower = new HostFollower(place, key, socket)
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

  private constructor(place: HostPlace, key: ClusterKey, socket: Socket) {
    this.place = place
    this.#key = key
    this.#leader = plainAddress(socket.remoteAddress)
    this.#own = commonAddress([plainAddress(socket.localAddress)])
    this.#channel = new HostChannel(socket, TO_FOLLOWER, hostPatience(), {
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
    const { hosts, rank } = this.place
    const opens = config.executor === 'cpu' && this.#mesh === null
    const own = opens ? new HostMesh(rank, hosts, hostPatience(), this.#own) : null
    this.#mesh ??= own
    await this.#channel.send({ kind: 'listening', port: own?.port ?? null })
    const links = await this.next()
    if (links.kind !== 'links') throw new Error(`Expected the hosts' links but received ${links.kind}`)
    const addresses = links.mesh?.map(({ host, port }) => ({ host: host || this.#leader, port }))
    if (addresses !== undefined) await own?.connect(addresses, deriveKey(this.#key, 'gradients', token))
    const store = links.store && { host: this.#leader, ...links.store, key: deriveKey(this.#key, 'store', token) }
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

  /** The run's last step is done. @param state what stateDigest gave */
  ended(state: string | null): Promise<void> {
    return this.#channel.send({ kind: 'ended', state })
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
    if (!this.failed.aborted) void this.#channel.send({ kind: 'failed', message, remedy })
    this.close()
  }

  close(): void {
    this.#closed = true
    this.#mesh?.giveUp()
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
    this.#mesh?.giveUp()
    this.#waiting?.reject(fault)
    this.#waiting = null
  }
}

/** Hosts start in any order: the leader may not listen yet. */
async function reach(coordinator: CoordinatorAddress, key: ClusterKey, patience: number): Promise<Socket> {
  const until = performance.now() + patience
  const where = printAddress(coordinator)
  for (;;) {
    const answer = await attempt(coordinator, key, Math.min(patience, 5000))
    if (!(answer instanceof Error)) return answer
    if (answer instanceof HandshakeFault && answer.kind === 'key') {
      const remedy = `Give all hosts the same ${KEY_VARIABLE}, and see that no other run listens there.`
      throw new UserFault(`Expected host 0 at ${where} to have this host's key but ${answer.message}.`, remedy)
    }
    if (performance.now() > until) {
      throw new UserFault(
        `Expected rank 0 at --coordinator ${where} within ${Math.round(patience / 1000)} s but received: ${answer.message}.`,
        `Start it there with --host-rank 0, and see that the port can be reached; ${PATIENCE_VARIABLE}=<seconds> waits longer.`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
}

/** @returns the connection, both ends proved, or why there is none */
async function attempt({ host, port }: CoordinatorAddress, key: ClusterKey, patience: number): Promise<Socket | Error> {
  const socket = connect({ host, port })
  // Those that wait for it tell an error; nobody waits between two of them.
  socket.on('error', () => undefined)
  try {
    await connected(socket, patience)
    await introduce(socket, key, 'coordinator', patience)
    return socket
  } catch (error) {
    socket.destroy()
    return error instanceof Error ? error : new Error(String(error))
  }
}

function connected(socket: Socket, patience: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer')), patience)
    socket.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
