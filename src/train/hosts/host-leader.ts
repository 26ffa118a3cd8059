/** Rank 0 of a run on several hosts: gathers the others, tells them what to do, and ends all where one fails. */
import { randomBytes } from 'node:crypto'
import type { HostPlace } from '../../config/host-place.ts'
import type { RunConfig } from '../../config/run-config.ts'
import { HostMesh } from '../../engine/executors/cpu/host-mesh.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import { type ClusterKey, deriveKey } from './cluster-key.ts'
import { explainFailure } from './explain-failure.ts'
import type { FollowerLink } from './follower-link.ts'
import { gatherFollowers } from './gather-followers.ts'
import type { HostLinks, HostShare } from './host-links.ts'
import { commonAddress } from './listen-address.ts'
import { type Hello, STATE_PIECE, type ToFollower } from './messages.ts'
import { hostPatience } from './patience.ts'
import { sharedSettings } from './shared-settings.ts'
import { startStore } from './store-thread.ts'

export class HostLeader {
  readonly share: HostShare
  readonly #followers: readonly FollowerLink[]
  readonly #stop = new AbortController()
  readonly #failed = new AbortController()
  readonly #key: ClusterKey
  readonly #token = randomBytes(32).toString('hex')
  #mesh: HostMesh | null = null
  /** A run's end on each other host, beside this one's. */
  readonly #endings: { readonly own: string | null; readonly other: Promise<string | null> }[] = []
  #storePort: number | null = null
  #runs = 0
  #closed = false

  /**
   * Waits until all other hosts have come.
   * @param note told where it waits
   * @throws UserFault where one does not come, or has other settings; those that came are told
   */
  static async gather(
    place: HostPlace,
    key: ClusterKey,
    command: Hello['command'],
    config: RunConfig,
    note: (text: string) => void,
  ): Promise<HostLeader> {
    const settings = command === 'train' ? sharedSettings(config) : null
    const gathered = await gatherFollowers({ place, key, command, settings }, hostPatience(), note)
    return new HostLeader(place, key, gathered.followers, gathered.watch)
  }

  private constructor(
    { hosts }: HostPlace,
    key: ClusterKey,
    followers: readonly FollowerLink[],
    watch: (onStop: () => void, onFailure: (fault: UserFault) => void) => void,
  ) {
    this.share = { hosts, rank: 0 }
    this.#key = key
    this.#followers = followers
    watch(
      () => this.#stop.abort(),
      (fault) => this.#fail(fault),
    )
  }

  /** Aborted when someone at another host wants the run to end. */
  get stopRequested(): AbortSignal {
    return this.#stop.signal
  }

  /** Aborted when another host failed; its reason says how. */
  get failed(): AbortSignal {
    return this.#failed.signal
  }

  /** Lets all hosts begin a run of this configuration. @throws UserFault where a host fails */
  async begin(config: RunConfig): Promise<HostLinks> {
    await this.#tell({ kind: 'begin', config, token: this.#token })
    const own = config.executor === 'cpu' && this.#mesh === null ? this.#openMesh() : null
    const ports = await this.#all(this.#followers.map((follower) => follower.listening()))
    const mesh = own && [
      { host: '', port: own.port },
      ...this.#followers.map(({ address }, place) => ({ host: address, port: ports[place] ?? 0 })),
    ]
    const store = config.executor === 'xla' ? await this.#openStore() : null
    await this.#tell({ kind: 'links', mesh, store })
    if (own !== null && mesh !== null) {
      await this.#all([own.connect(mesh, deriveKey(this.#key, 'gradients', this.#token))])
    }
    const ownStore = store && { host: this.#address || '127.0.0.1', ...store, key: this.#storeKey }
    return { ...this.share, mesh: this.#mesh?.link ?? null, store: ownStore }
  }

  /**
   * Gives all hosts the state that the run begins with.
   * @param images tells apart images that are not this host's
   * @throws UserFault where a host fails, or has other images
   */
  async shareState(state: SharedArrayBuffer, images: string): Promise<void> {
    for (let offset = 0; offset < state.byteLength; offset += STATE_PIECE) {
      const bytes = Uint8Array.from(new Uint8Array(state, offset, Math.min(STATE_PIECE, state.byteLength - offset)))
      await this.#tell({ kind: 'state', offset, bytes })
    }
    const answers = await this.#all(this.#followers.map((follower) => follower.ready()))
    const other = answers.findIndex((answer) => answer !== images)
    if (other < 0) return
    throw new UserFault(
      `Expected the same images on all hosts but received ${images} on host 0 and ${answers[other]} on host ${other + 1}.`,
      'Give each host a copy of the same files (--data names its place).',
    )
  }

  /** All hosts open an epoch's images. */
  openPass(epoch: number, firstBatch: number): void {
    void this.#tell({ kind: 'pass', epoch, firstBatch })
  }

  /** One step on the other hosts. @returns outputs of each of their replicas @throws UserFault where a host fails */
  async step(scalars: readonly number[]): Promise<readonly (readonly number[])[]> {
    void this.#tell({ kind: 'step', scalars: [...scalars] })
    return (await this.#all(this.#followers.map((follower) => follower.ran()))).flat()
  }

  /** The outputs of all steps so far are wanted. */
  fetch(): void {
    void this.#tell({ kind: 'fetch' })
  }

  /** No further steps of the run that was begun. @param state what stateDigest gave */
  endRun(state: string | null): void {
    void this.#tell({ kind: 'end' })
    for (const follower of this.#followers) {
      const other = follower.ended()
      // A run that fails is never finished: nobody waits for it then.
      other.catch(() => undefined)
      this.#endings.push({ own: state, other })
    }
  }

  /**
   * Ends the other hosts well.
   * @throws UserFault where a run ended with another state on one of them: its copy went its own way
   */
  async finish(ended: 'finished' | 'interrupted'): Promise<void> {
    const others = await this.#all(this.#endings.map(({ other }) => other))
    const different = others.findIndex((other, place) => other !== this.#endings[place]?.own)
    if (different >= 0) {
      throw new UserFault(
        `Expected the same weights on all hosts after the last step but received others on host ${1 + (different % this.#followers.length)}.`,
        'The run was saved with those of host 0. Train on hosts with processors of one kind, and see that their memory is sound.',
      )
    }
    void this.#tell({ kind: 'finished', ended })
    this.#close()
  }

  /** Ends the other hosts with what ended this one. */
  async fail(error: unknown): Promise<void> {
    if (this.#closed) return
    void this.#tellFailure(error instanceof Error ? error.message : String(error))
    this.#close()
  }

  /** What ended the run, seen from here as `error`: what another host said of itself, where it failed too. */
  async explain(error: unknown): Promise<unknown> {
    return await explainFailure(this.failed, error)
  }

  /** Where this host listens for the others: where they reached it; '' = all interfaces. */
  get #address(): string {
    return commonAddress(this.#followers.map(({ localAddress }) => localAddress))
  }

  get #storeKey(): Buffer {
    return deriveKey(this.#key, 'store', this.#token)
  }

  /** Each run's clients have keys of their own in the one store. */
  async #openStore(): Promise<{ port: number; prefix: string }> {
    this.#storePort ??= await startStore(this.#address, this.#storeKey)
    this.#runs++
    return { port: this.#storePort, prefix: `run-${this.#runs}/` }
  }

  #openMesh(): HostMesh {
    this.#mesh = new HostMesh(0, this.share.hosts, hostPatience(), this.#address)
    return this.#mesh
  }

  async #tell(message: ToFollower): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.send(message)))
  }

  /** @throws the fault of the host that failed first */
  async #all<T>(answers: readonly Promise<T>[]): Promise<T[]> {
    try {
      return await Promise.all(answers)
    } catch (error) {
      throw this.failed.aborted ? this.failed.reason : error
    }
  }

  #fail(fault: UserFault): void {
    if (this.#closed || this.failed.aborted) return
    this.#failed.abort(fault)
    this.#mesh?.giveUp()
    void this.#tellFailure(fault.message)
  }

  async #tellFailure(message: string): Promise<void> {
    const remedy = "Host 0's output says more. It has the checkpoints: resume there and here goes on from the last."
    await this.#tell({ kind: 'failed', message, remedy })
  }

  #close(): void {
    this.#closed = true
    this.#mesh?.giveUp()
    for (const follower of this.#followers) follower.close()
  }
}
