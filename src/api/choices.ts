/** Methods and datasets with the settings that belong to them, for `train({ method: one({ branches: 3 }), ... })`. */
import type { RunConfig } from '../config/run-config.ts'

/** Several settings given as the value of one of them. */
export interface Choice<Key extends string> {
  readonly settings: Readonly<Record<Key, string>> & Readonly<Record<string, unknown>>
}

type Given<Key extends keyof RunConfig> = Partial<Pick<RunConfig, Key>>

const method = (name: RunConfig['method'], settings: object): Choice<'method'> => ({
  settings: { ...settings, method: name },
})
const dataset = (name: RunConfig['dataset'], data: string | undefined): Choice<'dataset'> => ({
  settings: { dataset: name, ...(data !== undefined && { data }) },
})

/** On-the-fly Native Ensemble; 3 branches unless said otherwise. */
export const one = (settings: Given<'branches' | 'distill' | 'share' | 'gate' | 'rampUp' | 'temperature'> = {}) =>
  method('one', settings)

/** The plain network, cross entropy alone. */
export const vanilla = () => method('vanilla', {})

/** Knowledge distillation from a teacher that is trained first, or given: a run folder, a checkpoint or weights. */
export const kd = (settings: Given<'teacher' | 'teacherNetwork' | 'teacherBlock' | 'alpha' | 'temperature'> = {}) =>
  method('kd', settings)

/** Deep Mutual Learning of `peers`: a number of copies of the network, or names with commas between. */
export const dml = (settings: Given<'peers'> = {}) => method('dml', settings)

/** Snapshot Ensemble: networks at the ends of the learning rate's cycles. */
export const snapshot = (settings: Given<'snapshots'> = {}) => method('snapshot', settings)

/** Networks that are trained side by side and know nothing of each other. */
export const ensemble = (settings: Given<'peers'> = {}) => method('ensemble', settings)

/** Collaborative learning: each peer learns from the mean of the others. */
export const cl = (settings: Given<'peers' | 'alpha' | 'temperature'> = {}) => method('cl', settings)

/** Collaborative learning with shared layers, whose gradient is divided by the number of branches (CL-ILR). */
export const clIlr = (settings: Given<'branches' | 'alpha' | 'temperature'> = {}) => method('cl-ilr', settings)

/** Decoupled knowledge distillation from a teacher, as kd. */
export const dkd = (
  settings: Given<
    'teacher' | 'teacherNetwork' | 'teacherBlock' | 'temperature' | 'rampUp' | 'dkdAlpha' | 'dkdBeta'
  > = {},
) => method('dkd', settings)

/** Online distillation with diverse peers: branches, or whole networks by `share: 'none'`. */
export const okddip = (settings: Given<'branches' | 'share' | 'rampUp' | 'temperature'> = {}) =>
  method('okddip', settings)

/** Students with views of their own, which learn from what all know together. */
export const kdcl = (settings: Given<'peers' | 'temperature' | 'kdclTarget'> = {}) => method('kdcl', settings)

/** Where `native-ensemble fetch` or `fetchDataset` put it, or in `data`. */
export const fashionMnist = (data?: string) => dataset('fashion-mnist', data)

/** As fashionMnist. @param data folder or archive */
export const cifar10 = (data?: string) => dataset('cifar10', data)

/** As fashionMnist. @param data folder or archive */
export const cifar100 = (data?: string) => dataset('cifar100', data)

/** Pictures of your own. @param data the shards that `prepare` made */
export const imageFolder = (data: string) => dataset('image-folder', data)

/** ILSVRC2012. @param data the shards that `prepare` made */
export const imageNet = (data?: string) => dataset('imagenet', data)
