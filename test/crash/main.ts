/**
 * What `npm run test:crash` runs: `[--kills <n>] [--seed <n>] [--out <folder> [--what <words>]] [--disk]`; the disk's sizes alone with --disk.
 * Ends with exit code 1 where a run came to other numbers, failed, or left something over.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadAverage, machineFacts } from '../../bench/machine-facts.ts'
import { readCount } from '../../bench/read-count.ts'
import { makeResultFolder, readResultOptions, writeResult } from '../../bench/write-result.ts'
import { CRASH_RUNS } from './crash-runs.ts'
import { DISK_ROOMS, type DiskReport, FREED_ROOMS, fillDisks } from './full-disk.ts'
import { type CrashReport, killAndResume } from './kill-and-resume.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    kills: { ...text, default: '100' },
    seed: { ...text, default: '1' },
    out: { ...text },
    what: { ...text },
    disk: { type: 'boolean', default: false },
  },
})
const kills = readCount('--kills', values.kills, 'Correct it.')
const seed = readCount('--seed', values.seed, 'Correct it.', 0)
const kept = values.out === undefined ? null : readResultOptions({ out: values.out, what: values.what })
const before = loadAverage()
const began = performance.now()
const cwd = mkdtempSync(join(tmpdir(), 'crash-'))
const tell = (words: string) => console.log(words)

const disks = await fillDisks({ rooms: DISK_ROOMS, freed: FREED_ROOMS }, cwd, tell)
const crashes = values.disk ? null : await killAndResume({ kills, seed, runs: CRASH_RUNS }, cwd, tell)
const faults = [...(disks?.flatMap(({ fault }) => fault ?? []) ?? []), ...(crashes?.faults ?? [])]
const minutes = ((performance.now() - began) / 60_000).toFixed(1)
const printed = printReport(crashes, disks)
console.log(`\n${printed}`)
if (kept !== null) {
  const folder = makeResultFolder(kept, { bench: 'reliability', subject: 'crash' })
  console.log(`\n${writeResult(folder, printed, null)}`)
}
for (const fault of faults) console.error(fault)
// What differs stays to be looked at.
if (faults.length === 0) rmSync(cwd, { recursive: true })
else console.error(`${faults.length} faults; the runs are in ${cwd}`)
process.exitCode = faults.length === 0 ? 0 : 1

function printReport(crash: CrashReport | null, disk: readonly DiskReport[] | null): string {
  const machine = machineFacts({})
  const parts = [
    `# Runs that were killed, and runs on full disks, ${new Date().toISOString().slice(0, 10)}`,
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, node ${machine.node}. ` +
      `${minutes} minutes; load average before ${before.toFixed(2)}, after ${loadAverage().toFixed(2)}.`,
  ]
  if (crash !== null) {
    const rows = Object.entries(crash.places)
      .sort(([, one], [, other]) => other - one)
      .map(([place, count]) => `| ${place} | ${count} |`)
    parts.push(
      `${crash.kills} SIGKILLs (seed ${seed}), ${crash.resumes} resumes, ${crash.runs} runs that came to an end ` +
        `(${CRASH_RUNS.map(({ name }) => name).join(', ')} in turn). Faults (other weights, momentum or metrics than the uninterrupted ` +
        `run's, a process that failed, a file left over): ${crash.faults.length}.`,
      ...crash.faults.map((fault) => `- ${fault.split('\n')[0]}`),
      ['| what the process was doing, by what it left | kills |', '|---|--:|', ...rows].join('\n'),
    )
  }
  if (disk === null) parts.push('No disk of our own could be made here: full disks were not tried.')
  else {
    const rows = disk.map(({ room, freed, ended, newest, resumed, fault }) => {
      return `| ${room}${freed ? ', then more while it trained' : ''} | ${ended} | ${newest ?? 'none'} | ${resumed} | ${fault === null ? 'yes' : 'NO'} |`
    })
    const head =
      '| KiB free after the first step | the run ended | newest checkpoint | with space again | same numbers |'
    parts.push([head, '|--:|---|--:|---|---|', ...rows].join('\n'))
  }
  return parts.join('\n\n')
}
