/** Checks of single settings; what each may be in words stands in option-table.ts. */
import { z } from 'zod'
import { DATASET_NAMES } from '../vocabulary/dataset-name.ts'
import { parseNetworkName } from '../vocabulary/network-name.ts'
import { parseDevices } from './devices.ts'
import { parsePeers } from './peers.ts'
import type { RunConfig } from './run-config.ts'

const count = z.int().min(1)
const path = z.string().min(1)
const networkName = z.string().refine((name) => parseNetworkName(name) !== null)
/** Beta(100, 100) is next to always a half. */
const MOST_ALPHA = 100
const block = z.enum(['auto', 'basic', 'bottleneck'])

function isDevices(text: string): boolean {
  try {
    parseDevices(text)
    return true
  } catch {
    return false
  }
}

/** The shape of a RunConfig, keys that are not its own refused. */
export const configSchema = z.strictObject({
  recipe: z.string().nullable(),
  scale: z.number().positive().max(1),
  network: networkName,
  block,
  method: z.enum(['vanilla', 'one', 'kd', 'dml', 'snapshot', 'ensemble']),
  branches: count,
  distill: z.enum(['on', 'off']),
  share: z.enum(['low', 'none']),
  gate: z.enum(['learned', 'average']),
  peers: z.string().refine((text) => parsePeers(text) !== null),
  teacher: path.nullable(),
  teacherNetwork: networkName.nullable(),
  teacherBlock: block,
  alpha: z.number().min(0).max(1),
  snapshots: count,
  dataset: z.enum(DATASET_NAMES),
  data: path.nullable(),
  inputStd: z.number().positive().nullable(),
  imageSize: z.int().min(32).max(1024).nullable(),
  trainFraction: z.number().positive().max(1),
  epochs: count,
  steps: count.nullable(),
  batch: count,
  learningRate: z.number().positive(),
  schedule: z.enum(['step', 'cosine', 'constant', 'cosine-cycles']),
  momentum: z.number().min(0).lt(1),
  weightDecay: z.number().min(0),
  rampUp: z.number().min(0),
  temperature: z.number().positive(),
  precision: z.enum(['fp32', 'bf16']),
  executor: z.enum(['onednn', 'tfjs', 'xla']),
  tfjsBackend: z.enum(['cpu', 'tensorflow']),
  pjrtPlugin: path.nullable(),
  gpuMemoryFraction: z.number().positive().max(1),
  gpuPreallocate: z.enum(['on', 'off']),
  devices: z.string().refine(isDevices),
  hosts: count.max(1024),
  decodeWorkers: count.max(256),
  seed: z.int().min(0).max(0xffffffff),
  out: path,
  init: path.nullable(),
  augment: z.enum(['standard', 'none']),
  colourJitter: z.number().min(0).lt(1),
  pcaLighting: z.number().min(0).max(1),
  randomErasing: z.number().min(0).max(1),
  mixup: z.number().min(0).max(MOST_ALPHA),
  cutmix: z.number().min(0).max(MOST_ALPHA),
  shuffle: z.enum(['epoch', 'none']),
  logEvery: count,
  evaluateEvery: count,
  checkpointMinutes: z.number().min(0),
  checkpointSteps: z.int().min(0),
  keep: count,
}) satisfies z.ZodType<RunConfig>
