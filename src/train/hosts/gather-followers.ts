import { type HostPlace, printAddress } from '../../config/host-place.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import { type ClusterKey, KEY_VARIABLE } from './cluster-key.ts'
import { FollowerLink } from './follower-link.ts'
import { type Guard, type GuardedServer, listenGuarded } from './guarded-server.ts'
import { listenAddress } from './listen-address.ts'
import { type Hello, PROTOCOL_VERSION } from './messages.ts'
import { PATIENCE_VARIABLE } from './patience.ts'
import { differences } from './shared-settings.ts'

export interface GatheredFollowers {
  /** By rank, from 1. */
  readonly followers: readonly FollowerLink[]
  /** Tells from now on what the followers say by themselves; what was said before is told at once. */
  watch(onStop: () => void, onFailure: (fault: UserFault) => void): void
}

/** What a host must fit to take part. */
export interface Gathering {
  readonly place: HostPlace
  readonly key: ClusterKey
  readonly command: Hello['command']
  /** What all must share, null where each takes the leader's. */
  readonly settings: Readonly<Record<string, string>> | null
}

/** How long a connection that proved the key may take to say which host it is, milliseconds. */
const HELLO_PATIENCE = 10_000

/**
 * Listens at the coordinator's port until every other rank has come.
 * @param patience milliseconds
 * @throws UserFault where the port is taken, a rank does not come or does not fit
 */
export async function gatherFollowers(
  gathering: Gathering,
  patience: number,
  note: (text: string) => void,
): Promise<GatheredFollowers> {
  const { hosts, coordinator } = gathering.place
  const links = new Map<number, FollowerLink>()
  /** Those that proved the key, whether they said their rank or not. */
  const doors = new Set<FollowerLink>()
  const events = { onStop: () => {}, onFailure: (_: UserFault) => {} }
  const strangers = new Set<string>()
  let stopped = false
  let failure: UserFault | null = null
  let settle = { resolve: () => {}, reject: (_: UserFault) => {} }
  const gathered = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject }
  })
  gathered.catch(() => undefined)

  const fail = (fault: UserFault) => {
    failure ??= fault
    settle.reject(fault)
    events.onFailure(fault)
  }
  const refuse = (link: FollowerLink, { message, remedy }: UserFault) => {
    doors.delete(link)
    void link.send({ kind: 'failed', message, remedy })
    link.close()
  }
  const admitted: Guard['admitted'] = (socket) => {
    let rank: number | null = null
    const link = new FollowerLink(socket, patience, {
      hello: (hello) => {
        clearTimeout(silence)
        const twice = links.has(hello.rank) ? takenRank(hello.rank) : null
        const misfit = twice ?? misfitOf(hello, gathering)
        if (misfit === null) {
          rank = hello.rank
          links.set(rank, link)
          const missing = hosts - 1 - links.size
          if (missing === 0) settle.resolve()
          else note(`Host ${rank} came; waiting for ${missing} more.`)
          return
        }
        refuse(link, misfit)
        // The host that has the rank goes on.
        if (twice === null) fail(misfit)
        else note(`A second host ${hello.rank}, at ${link.address}, was turned away.`)
      },
      stop: () => {
        stopped = true
        events.onStop()
      },
      failed: (reason, remedy) => {
        doors.delete(link)
        // What never said who it is was not one of ours.
        if (rank !== null) fail(failedHost(rank, reason, remedy))
      },
    })
    const silence = setTimeout(() => link.close(), Math.min(patience, HELLO_PATIENCE)).unref()
    doors.add(link)
  }
  const otherKey = (address: string) => {
    if (strangers.size >= MOST_NAMED || strangers.has(address)) return
    strangers.add(address)
    note(`A connection from ${address} with another ${KEY_VARIABLE} was turned away.`)
  }

  const interfaceAddress = await listenAddress(coordinator.host)
  const server = await listen(gathering, interfaceAddress, { admitted, otherKey })
  const timer = setTimeout(() => settle.reject(absent(gathering.place, links, strangers, patience)), patience)
  try {
    const where = `${printAddress(coordinator)}${interfaceAddress === null ? ', on all interfaces' : ''}`
    note(`Waiting for ${hosts - 1} other host${hosts === 2 ? '' : 's'} at ${where}.`)
    await gathered
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    for (const link of doors) refuse(link, new UserFault(message, 'Start all hosts anew.'))
    throw error
  } finally {
    clearTimeout(timer)
    server.close()
  }
  const ranked = [...links].toSorted(([left], [right]) => left - right).map(([, link]) => link)
  for (const link of doors) if (!ranked.includes(link)) link.close()
  return {
    followers: ranked,
    watch(onStop, onFailure) {
      events.onStop = onStop
      events.onFailure = onFailure
      if (stopped) onStop()
      if (failure !== null) onFailure(failure)
    },
  }
}

/** Addresses that are named one by one; more would fill the screen. */
const MOST_NAMED = 8

async function listen(
  { place: { coordinator }, key }: Gathering,
  address: string | null,
  guard: Pick<Guard, 'admitted' | 'otherKey'>,
): Promise<GuardedServer> {
  try {
    return await listenGuarded(address, coordinator.port, { key, use: 'coordinator', ...guard })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UserFault(
      `Expected to listen at --coordinator ${printAddress(coordinator)} but received: ${reason}.`,
      'Name a port that is free on the host of rank 0, on all hosts.',
      { cause },
    )
  }
}

function takenRank(rank: number): UserFault {
  return new UserFault(`Expected each rank once but received ${rank} twice.`, 'Give each host its own --host-rank.')
}

/** Why a host cannot take part; null where it can. */
function misfitOf(hello: Hello, { place: { hosts }, command, settings }: Gathering): UserFault | null {
  const name = `host ${hello.rank}`
  if (hello.version !== PROTOCOL_VERSION) {
    return new UserFault(
      `Expected the same version of native-ensemble on ${name} but received another.`,
      'Install one.',
    )
  }
  if (hello.hosts !== hosts) {
    return new UserFault(
      `Expected ${hosts} hosts but received ${hello.hosts} on ${name}.`,
      'Give all the same --hosts.',
    )
  }
  if (hello.rank < 1 || hello.rank >= hosts) return takenRank(hello.rank)
  if (hello.command !== command) {
    return new UserFault(
      `Expected ${command} on all hosts but received ${hello.command} on ${name}.`,
      'Use one of them.',
    )
  }
  const different =
    settings === null || hello.settings === null ? [] : differences(settings, hello.settings, 'host 0', name)
  if (different.length === 0) return null
  return new UserFault(
    `Expected the same settings on all hosts but received differences: ${different.join('; ')}.`,
    'Start all hosts with the same recipe and options.',
  )
}

function absent(
  { hosts, coordinator }: HostPlace,
  links: ReadonlyMap<number, unknown>,
  strangers: ReadonlySet<string>,
  patience: number,
): UserFault {
  const missing = Array.from({ length: hosts - 1 }, (_, place) => place + 1).filter((rank) => !links.has(rank))
  const others = strangers.size === 0 ? '' : ` (${[...strangers].join(', ')} came with another ${KEY_VARIABLE})`
  return new UserFault(
    `Expected ${hosts} hosts within ${Math.round(patience / 1000)} s but rank ${missing.join(', ')} did not come${others}.`,
    `Start the same command there with its --host-rank and --coordinator ${printAddress(coordinator)}; ` +
      `${PATIENCE_VARIABLE}=<seconds> waits longer.`,
  )
}

function failedHost(rank: number, reason: string, remedy: string | null): UserFault {
  return new UserFault(
    `Expected host ${rank} to go on but it failed: ${reason.replace(/\.$/, '')}.`,
    remedy ?? 'Its own output says more. The last checkpoint is intact: native-ensemble resume goes on from it.',
  )
}
