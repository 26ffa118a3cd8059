/** All formats that `npm run fuzz` damages. A new one: a file in targets/, and its line here. */
import type { FuzzTarget } from './fuzz-target.ts'
import { IDX_TARGET } from './targets/idx.ts'
import { TAR_TARGET } from './targets/tar.ts'

export const FUZZ_TARGETS: readonly FuzzTarget[] = [IDX_TARGET, TAR_TARGET]
