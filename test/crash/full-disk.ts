/** Trainings whose disk becomes full: a file system in memory of a few MB, in a mount namespace of its own. */
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** KiB that are left when the run has begun; a checkpoint of it takes about 700. */
export const DISK_ROOMS: readonly number[] = [0, 4, 40, 300, 700, 900, 1200, 1800, 2600, 4000]
/** As well: space is made while the run trains, once it has said that it needs some. */
export const FREED_ROOMS: readonly number[] = [0, 40]

export interface DiskReport {
  readonly room: number
  /** Whether space was made while it trained. */
  readonly freed: boolean
  /** How the run on the full disk ended. */
  readonly ended: 'finished' | 'with an error'
  /** Step of the newest checkpoint then, which was read; null where there is none. */
  readonly newest: number | null
  /** How it went on when there was space again. */
  readonly resumed: 'resumed' | 'trained anew' | 'was at its end'
  /** null where all is well. */
  readonly fault: string | null
}

const script = fileURLToPath(new URL('./fill-disk.js', import.meta.url))

/** How a process gets a mount namespace of its own: as root, or as root of a user namespace. */
function unshare(): string[] | null {
  for (const options of [['--mount'], ['--user', '--map-root-user', '--mount']]) {
    const tried = spawnSync('unshare', [...options, 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', '/mnt'])
    if (tried.status === 0) return options
  }
  return null
}

/**
 * @param rooms one run for each, and one for each of `freed`
 * @param cwd folder for the run that is not hindered, and to mount in
 * @returns null where this machine lets nobody mount
 */
export async function fillDisks(
  { rooms, freed }: { readonly rooms: readonly number[]; readonly freed: readonly number[] },
  cwd: string,
  tell: (words: string) => void,
): Promise<DiskReport[] | null> {
  const options = unshare()
  if (options === null) {
    tell('SKIPPED full disks: neither root nor a user namespace may mount a file system here')
    return null
  }
  const child = spawn('unshare', [...options, process.execPath, script, cwd, rooms.join(','), freed.join(',')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const reports: DiskReport[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const report: DiskReport = JSON.parse(line)
      reports.push(report)
      tell(
        `${report.room} KiB left${report.freed ? ', then more' : ''}: ended ${report.ended}, ${report.fault ?? 'the same numbers'}`,
      )
    }
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`Expected the runs on full disks to be made but received exit code ${code}`)
  return reports
}
