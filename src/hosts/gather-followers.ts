import { createServer, type Server } from 'node:net'
import type { HostPlace } from '../config/host-place.ts'
import { UserFault } from '../vocabulary/fault.ts'
import { FollowerLink } from './follower-link.ts'
import { type Hello, PROTOCOL_VERSION } from './messages.ts'
import { PATIENCE_VARIABLE } from './patience.ts'
import { differences } from './shared-settings.ts'

export interface GatheredFollowers {
  /** By rank, from 1. */
  readonly followers: readonly FollowerLink[]
  /** Tells from now on what the followers say by themselves; what was said before is told at once. */
  watch(onStop: () => void, onFailure: (fault: UserFault) => void): void
}

/**
 * Listens at the coordinator's port until every other rank has come.
 * @param settings that all must share, null where each takes the leader's
 * @param patience milliseconds
 * @throws UserFault where the port is taken, a rank does not come, comes twice or does not fit
 */
export async function gatherFollowers(
  place: HostPlace,
  command: Hello['command'],
  settings: Readonly<Record<string, string>> | null,
  patience: number,
  note: (text: string) => void,
): Promise<GatheredFollowers> {
  const { hosts, coordinator } = place
  const links = new Map<number, FollowerLink>()
  const doors = new Set<FollowerLink>()
  const events = { onStop: () => {}, onFailure: (_: UserFault) => {} }
  let stopped = false
  let failure: UserFault | null = null

  const { server, opened } = listen(coordinator)
  let timer: NodeJS.Timeout | undefined
  try {
    await opened
    note(`Waiting for ${hosts - 1} other host${hosts === 2 ? '' : 's'} at ${coordinator.host}:${coordinator.port}.`)
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(absent(place, links, patience)), patience)
      const fail = (fault: UserFault) => {
        failure ??= fault
        reject(fault)
        events.onFailure(fault)
      }
      server.on('connection', (socket) => {
        let rank: number | null = null
        const link = new FollowerLink(socket, patience, {
          hello: (hello) => {
            const misfit = misfitOf(hello, place, command, settings, links)
            if (misfit !== null) {
              doors.delete(link)
              void link
                .send({ kind: 'failed', message: misfit.message, remedy: misfit.remedy })
                .then(() => link.close())
              fail(misfit)
              return
            }
            rank = hello.rank
            links.set(rank, link)
            if (links.size === hosts - 1) resolve()
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
        doors.add(link)
      })
    })
  } catch (error) {
    for (const link of doors) {
      const message = error instanceof Error ? error.message : String(error)
      void link.send({ kind: 'failed', message, remedy: 'Start all hosts anew.' }).then(() => link.close())
    }
    throw error
  } finally {
    clearTimeout(timer)
    server.close()
  }
  return {
    followers: Array.from({ length: hosts - 1 }, (_, place) => links.get(place + 1)).filter(
      (link) => link !== undefined,
    ),
    watch(onStop, onFailure) {
      events.onStop = onStop
      events.onFailure = onFailure
      if (stopped) onStop()
      if (failure !== null) onFailure(failure)
    },
  }
}

function listen({ host, port }: HostPlace['coordinator']): { server: Server; opened: Promise<void> } {
  const server = createServer()
  // All interfaces, unless the name is that of this machine for itself.
  const own = host === 'localhost' || host === '::1' || host.startsWith('127.')
  const opened = new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const remedy = 'Name a port that is free on the host of rank 0, on all hosts.'
      reject(
        new UserFault(`Expected to listen at --coordinator ${host}:${port} but received: ${cause.message}.`, remedy, {
          cause,
        }),
      )
    })
    server.listen(own ? { host, port } : { port }, resolve)
  })
  return { server, opened }
}

function misfitOf(
  hello: Hello,
  { hosts }: HostPlace,
  command: Hello['command'],
  settings: Readonly<Record<string, string>> | null,
  links: ReadonlyMap<number, unknown>,
): UserFault | null {
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
  if (hello.rank < 1 || hello.rank >= hosts || links.has(hello.rank)) {
    return new UserFault(
      `Expected each rank once but received ${hello.rank} twice.`,
      'Give each host its own --host-rank.',
    )
  }
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

function absent({ hosts, coordinator }: HostPlace, links: ReadonlyMap<number, unknown>, patience: number): UserFault {
  const missing = Array.from({ length: hosts - 1 }, (_, place) => place + 1).filter((rank) => !links.has(rank))
  return new UserFault(
    `Expected ${hosts} hosts within ${Math.round(patience / 1000)} s but rank ${missing.join(', ')} did not come.`,
    `Start the same command there with its --host-rank and --coordinator ${coordinator.host}:${coordinator.port}; ` +
      `${PATIENCE_VARIABLE}=<seconds> waits longer.`,
  )
}

function failedHost(rank: number, reason: string, remedy: string | null): UserFault {
  return new UserFault(
    `Expected host ${rank} to go on but it failed: ${reason.replace(/\.$/, '')}.`,
    remedy ?? 'Its own output says more. The last checkpoint is intact: native-ensemble resume goes on from it.',
  )
}
