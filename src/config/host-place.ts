/** Which of several hosts this process is: from options, and from the variables of the launcher that started it. */
import { type ConfigFault, fault } from './config-fault.ts'
import { type Environment, findLaunchers, type LauncherPlace, masterAddress } from './launchers.ts'

export interface HostPlace {
  /** Processes that train together, one a host; 2 or more. */
  readonly hosts: number
  /** Rank 0 coordinates, writes the run folder and evaluates. */
  readonly rank: number
  /** Where rank 0 listens. */
  readonly coordinator: CoordinatorAddress
}

export interface CoordinatorAddress {
  readonly host: string
  readonly port: number
}

/** Values of the command line's options, as text; undefined = not given. */
export interface HostOptions {
  readonly hosts?: unknown
  readonly hostRank?: unknown
  readonly coordinator?: unknown
}

export interface FoundHostPlace {
  /** null = this process trains alone. */
  readonly place: HostPlace | null
  readonly faults: readonly ConfigFault[]
}

/** Options win, each by itself, over the environment; `--hosts 1` trains alone whatever the environment says. */
export function findHostPlace(options: HostOptions, environment: Environment): FoundHostPlace {
  const given = { hosts: text(options.hosts), rank: text(options.hostRank), coordinator: text(options.coordinator) }
  if (given.hosts === '1' && given.coordinator === null && (given.rank ?? '0') === '0') return alone()
  const launchers = findLaunchers(environment)
  const inner = launchers[0] ?? null
  if (given.hosts === null && inner?.hosts === '1' && inner.rank !== null) return alone()

  const hosts = given.hosts ?? launchers.find((launcher) => launcher.hosts !== null)?.hosts ?? null
  const ranked = given.rank === null ? launchers.find((launcher) => launcher.rank !== null) : undefined
  const rank = given.rank ?? ranked?.rank ?? null
  const known = masterAddress(environment) ?? launchers.find(({ coordinator }) => coordinator !== null)?.coordinator
  const around = inner === null ? null : (known ?? null)
  if (inner === null && hosts === null && rank === null && given.coordinator === null) return alone()

  const address = given.coordinator === null ? around : splitAddress(given.coordinator)
  // Of srun with PMI both speak, of the same processes.
  const same = launchers.filter((one) => one.rank === inner?.rank && one.hosts === (inner.hosts ?? one.hosts))
  const faults = given.hosts === null ? same.flatMap((launcher) => launcher.faults) : []
  if (faults.length === 0) faults.push(...missing({ hosts, rank, coordinator: given.coordinator ?? around }, inner))
  const count = wholeNumber(hosts)
  if (hosts !== null && (count === null || count < 1 || count > MOST_HOSTS)) {
    faults.push(fault(`a whole number from 1 to ${MOST_HOSTS}`, '--hosts', hosts, 'One process runs on each host.'))
  }
  if (ranked !== undefined && ranked.hosts !== null && hosts !== null && ranked.hosts !== hosts) {
    const remedy = 'Give the number of processes that were started, or --host-rank as well.'
    faults.push(fault(`${ranked.hosts}, as ${ranked.name} says`, '--hosts', hosts, remedy))
  }
  const own = wholeNumber(rank)
  if (rank !== null && (own === null || (count !== null && own >= count))) {
    const what = count === null ? 'a whole number from 0' : `a whole number below ${count}, the hosts`
    faults.push(fault(what, '--host-rank', rank, 'Ranks are 0, 1, 2, ...; each host has its own.'))
  }
  const coordinator = address === null ? null : checkAddress(address)
  if (coordinator === null && (given.coordinator ?? around) !== null) {
    const [name, value] =
      given.coordinator === null && address !== null
        ? ["the coordinator's address", `${address.host}:${address.port}`]
        : ['--coordinator', given.coordinator]
    const remedy =
      'Name the host of rank 0 as the others reach it, and a port that is free there: node1:29500, say, or [fd00::1]:29500.'
    faults.push(fault('<host>:<port>', name, value, remedy))
  }
  if (faults.length > 0 || count === null || own === null || coordinator === null) return { place: null, faults }
  return { place: count === 1 ? null : { hosts: count, rank: own, coordinator }, faults }
}

const MOST_HOSTS = 1024

const alone = (): FoundHostPlace => ({ place: null, faults: [] })

/** A set that is only half there is no guess at the rest; whatever a launcher began never trains alone by mistake. */
function missing(
  found: { readonly hosts: string | null; readonly rank: string | null; readonly coordinator: unknown },
  launcher: LauncherPlace | null,
): ConfigFault[] {
  const parts = { '--hosts': found.hosts, '--host-rank': found.rank, '--coordinator': found.coordinator }
  const there = Object.entries(parts).flatMap(([flag, value]) => (value === null ? [] : [flag]))
  const absent = Object.entries(parts).flatMap(([flag, value]) => (value === null ? [flag] : []))
  if (launcher === null) {
    return absent.map((flag) =>
      fault(`${flag} beside ${there.join(' and ')}`, 'several hosts', 'none', 'Give all three, or none.'),
    )
  }
  if (absent.length === 0) return []
  const variables = absent.map((flag) => (flag === '--coordinator' ? `${flag} (or MASTER_ADDR and MASTER_PORT)` : flag))
  const remedy = `Give the same ${variables.join(' and ')} to all of them; --hosts 1 lets each train alone.`
  return [fault(absent.join(' and '), `a process that ${launcher.name} started`, 'none', remedy)]
}

/** `host:port`, `[::1]:port`; null for what is neither. */
function splitAddress(address: string): { host: string; port: string } | null {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(address)
  const host = parts?.[1] ?? parts?.[2]
  return host === undefined ? null : { host, port: parts?.[3] ?? '' }
}

/** As `--coordinator` takes it. */
export function printAddress({ host, port }: CoordinatorAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function checkAddress({ host, port }: { readonly host: string; readonly port: string }): CoordinatorAddress | null {
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0
  return number >= 1 && number <= 65_535 && /^[^\s/[\]]+$/.test(host) ? { host, port: number } : null
}

function wholeNumber(value: string | null): number | null {
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) : null
}

const text = (value: unknown) => (value === undefined ? null : String(value).trim())
