import { runFiles } from '../../report/run-files.ts'
import type { LockedFolder } from '../../vocabulary/locks/folder-lock.ts'

/** A run's folder, for the one process that may work on it. */
export function lockedRun(folder: string): LockedFolder {
  return { folder, path: runFiles(folder).lock, kind: 'run', goOn: (now) => `native-ensemble resume ${now}` }
}
