/** A process of `prepare`: does one job after another, ends when its parent does. */
import { packShard } from '../src/datasets/prepare/pack-shard.ts'
import type { FromPacker, ShardJob } from '../src/datasets/prepare/shard-job.ts'
import { UserFault } from '../src/vocabulary/fault.ts'

const tell = (message: FromPacker) => process.send?.(message)

// Ctrl-C goes to the whole group of processes; the parent decides.
process.on('SIGINT', () => undefined)
process.on('disconnect', () => process.exit(0))
// The parent sends nothing but jobs, one at a time.
process.on('message', (job: ShardJob) => {
  packShard(job, tell).then(
    (report) => tell({ kind: 'packed', report }),
    (error: unknown) => {
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
      tell({ kind: 'failed', message, remedy: error instanceof UserFault ? error.remedy : null, stack })
    },
  )
})
