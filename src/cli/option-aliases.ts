import { OPTION_KEYS, settingOf } from '../config/option-table.ts'
import { nearestWord } from '../vocabulary/nearest-word.ts'

/** What other trainers call our options. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(OPTION_KEYS.map(settingOf).map(({ flag, aliases = [] }) => [flag, aliases])),
  '--config': ['--cfg', '--config-file', '--yaml'],
  '--host-rank': ['--rank', '--node-rank'],
  '--coordinator': ['--master', '--master-addr', '--rdzv-endpoint', '--dist-url'],
  '--checkpoint': ['--ckpt', '--checkpoint-path', '--step'],
  '--validation': ['--val', '--val-split', '--validation-split', '--test-split'],
  '--processes': ['--workers', '--num-workers', '-j'],
}

/** The option of a command that someone most likely means by another word; null where none is near. */
export function meantOption(word: string, known: readonly string[]): string | null {
  const alias = known.find((option) => ALIASES[option]?.includes(word))
  return alias ?? nearestWord(word, known)
}
