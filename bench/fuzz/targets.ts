/** All formats that `npm run fuzz` damages. A new one: a file in targets/, and its line here. */
import type { FuzzTarget } from './fuzz-target.ts'
import { CHECKPOINT_MODEL_TARGET, CHECKPOINT_STATE_TARGET, EXPORT_TARGET } from './targets/checkpoint-files.ts'
import { CIFAR_TARGET, FASHION_GZIP_TARGET } from './targets/compressed-archives.ts'
import { FOREIGN_SAFETENSORS_TARGET } from './targets/foreign-safetensors.ts'
import { IDX_TARGET } from './targets/idx.ts'
import { MAT_TARGET } from './targets/mat.ts'
import { PICTURE_TARGETS } from './targets/pictures.ts'
import { SHARD_INDEX_TARGET, SHARD_MANIFEST_TARGET, SHARD_TARGET } from './targets/shard-files.ts'
import { TAR_TARGET } from './targets/tar.ts'

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...[CHECKPOINT_MODEL_TARGET, CHECKPOINT_STATE_TARGET, EXPORT_TARGET, FOREIGN_SAFETENSORS_TARGET],
  ...[SHARD_MANIFEST_TARGET, SHARD_INDEX_TARGET, SHARD_TARGET],
  ...[IDX_TARGET, FASHION_GZIP_TARGET, TAR_TARGET, CIFAR_TARGET, MAT_TARGET],
  ...PICTURE_TARGETS,
]
