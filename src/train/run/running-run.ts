import type { ProgressDisplay } from '../../report/progress.ts'
import type { RunFiles } from '../../report/run-files.ts'
import type { FolderLock } from '../../vocabulary/locks/folder-lock.ts'
import type { RunProgress } from '../checkpoint/run-state.ts'
import type { HostLeader } from '../hosts/host-leader.ts'
import type { MetricsLog } from './metrics-log.ts'
import type { RunCheckpoints } from './run-checkpoints.ts'
import type { RunObserver } from './run-observer.ts'
import type { PreparedRun, Session } from './session.ts'
import type { Timetable } from './timetable.ts'

export interface TrainHooks {
  readonly display: ProgressDisplay
  /** Aborted to finish the step, save and end. */
  readonly stop: AbortSignal
  /** Leads the other hosts that train with this one; absent where there are none. */
  readonly hosts?: HostLeader
  /** @param runFolder of the run, or of its teacher's run */
  readonly observe?: (runFolder: string) => RunObserver
}

/** A run that is under way. */
export interface RunningRun {
  readonly prepared: PreparedRun
  readonly session: Session
  readonly timetable: Timetable
  readonly files: RunFiles
  readonly log: MetricsLog
  readonly checkpoints: RunCheckpoints
  readonly hooks: TrainHooks
  readonly lock: FolderLock
  readonly observer: RunObserver
  progress: RunProgress
  /** The picture of the first batch while it is being written. */
  samples: Promise<void> | null
}
