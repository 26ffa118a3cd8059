import { existsSync, type FSWatcher, watch } from 'node:fs'
import { join, relative } from 'node:path'

/** Folders of a run in which files come and go. */
const FOLDERS = ['', 'checkpoints', 'snapshots', 'teacher', 'teacher/checkpoints']

/**
 * Tells of files that appear or change in a run's folder, which need not be there yet, within a fraction of a millisecond
 * where the machine has time.
 * @param parent folder that holds the run's folder, and is there
 * @param onName given the name below the run's folder
 * @returns ends the watching
 */
export function watchRun(parent: string, folder: string, onName: (name: string) => void): () => void {
  const watchers = new Map<string, FSWatcher>()
  let ended = false
  const attach = () => {
    for (const below of FOLDERS) {
      const place = join(folder, below)
      if (ended || watchers.has(place) || !existsSync(place)) continue
      try {
        watchers.set(place, begin(place))
      } catch {
        // Gone in between, as a teacher's folder that is begun anew.
      }
    }
  }
  const begin = (place: string): FSWatcher => {
    const watcher = watch(place, (_, name) => {
      if (name === null || ended) return
      attach()
      if (place !== parent) onName(relative(folder, join(place, name)))
    })
    // A folder that is removed while it is watched.
    watcher.on('error', () => {
      watcher.close()
      watchers.delete(place)
    })
    return watcher
  }
  watchers.set(parent, begin(parent))
  attach()
  return () => {
    ended = true
    for (const watcher of watchers.values()) watcher.close()
  }
}
