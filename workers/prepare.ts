/** A process of `prepare`: does one job after another, ends when its parent does. */
import type { FromPacker, ShardJob } from '../src/data/datasets/prepare/shard-job.ts'
import { leaveSignalsToParent } from '../src/vocabulary/end-signals.ts'
import { UserFault } from '../src/vocabulary/fault.ts'

leaveSignalsToParent()
// Without a reader a warning is lost, not the job.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

// Loaded when signals are listened to: the decoders take their time.
const packing = import('../src/data/datasets/prepare/pack-shard.ts')
const tell = (message: FromPacker) => process.send?.(message)

process.on('disconnect', () => process.exit(0))
// The parent sends nothing but jobs, one at a time.
process.on('message', (job: ShardJob) => {
  packing
    .then(({ packShard }) => packShard(job, tell))
    .then(
      (report) => tell({ kind: 'packed', report }),
      (error: unknown) => {
        const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
        tell({ kind: 'failed', message, remedy: error instanceof UserFault ? error.remedy : null, stack })
      },
    )
})
