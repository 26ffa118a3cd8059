import type { DatasetName } from '../vocabulary/dataset-name.ts'

/** Everything a run depends on: written to the run folder, read again on resume. Plain data, no functions. */
export interface RunConfig {
  /** Name of the recipe that the run was started from, null for options alone. */
  readonly recipe: string | null
  /** Part of the recipe's epochs, ramp-up and cycles that this run takes; `epochs` is shortened already. 1 = all. */
  readonly scale: number
  /** A name of vocabulary/network-name.ts, e.g. `resnet-32`. */
  readonly network: string
  /** Residual block of a CIFAR ResNet; `auto` = basic below depth 44, bottleneck from 44 on (the paper's networks). */
  readonly block: 'auto' | 'basic' | 'bottleneck'
  /** One file of src/methods each. */
  readonly method: 'vanilla' | 'one' | 'kd' | 'dml' | 'snapshot' | 'ensemble'
  /** All branches of ONE: the target and the auxiliary ones (the paper's m + 1). 1 for other methods. */
  readonly branches: number
  /** ONE's ablation "without online distillation": `off` leaves the distillation term out. */
  readonly distill: 'on' | 'off'
  /** ONE's ablation "without sharing layers": `none` makes each branch a whole network. */
  readonly share: 'low' | 'none'
  /** ONE's ablation "without gating": `average` makes the teacher the plain mean of the logits. */
  readonly gate: 'learned' | 'average'
  /** Networks of dml and ensemble: `3` = three of `network`, or names with commas between. `1` for other methods. */
  readonly peers: string
  /** kd: run folder, checkpoint folder or safetensors file of the teacher; null = it is trained first, in `<out>/teacher`. */
  readonly teacher: string | null
  /** kd: network of the teacher; null for other methods, and until it is read from the teacher's run. */
  readonly teacherNetwork: string | null
  /** As `block`, of the teacher's network. */
  readonly teacherBlock: 'auto' | 'basic' | 'bottleneck'
  /** kd: weight of the distillation term, that of the cross entropy is 1 - alpha. */
  readonly alpha: number
  /** snapshot: cycles of the learning rate, and networks of the ensemble. 1 for other methods. */
  readonly snapshots: number
  readonly dataset: DatasetName
  /** Folder or archive with the images; null = where `fetch` puts them. */
  readonly data: string | null
  /** Standard deviation of all channels of the input, for pixels of 0..1; null = the dataset's own. */
  readonly inputStd: number | null
  /** Height and width of the network's input for images in shards; null = what the shards' manifest says. */
  readonly imageSize: number | null
  /** Part of the training images that is trained on, of each class equally; above 0, at most 1. */
  readonly trainFraction: number
  readonly epochs: number
  /** Ends the run after this many steps where set, whatever `epochs` says; the schedule then spans these steps. */
  readonly steps: number | null
  /** Images of one optimiser step, over all replicas. */
  readonly batch: number
  readonly learningRate: number
  /** `step` = x0.1 at 50 % and 75 % of the run (the paper's), `cosine` to 0, `constant`, or snapshot's cycles of cosines. */
  readonly schedule: 'step' | 'cosine' | 'constant' | 'cosine-cycles'
  readonly momentum: number
  readonly weightDecay: number
  /** Epochs over which the distillation term ramps up, w(e) = exp(-5 (1 - min(e, R) / R)^2); 0 = full from the start. */
  readonly rampUp: number
  /** Softening temperature T of the distillation term. */
  readonly temperature: number
  readonly precision: 'fp32' | 'bf16'
  readonly executor: 'onednn' | 'tfjs' | 'xla'
  readonly tfjsBackend: 'cpu' | 'tensorflow'
  /** Library of the plugin that xla uses, null = found by the platform. */
  readonly pjrtPlugin: string | null
  /** xla on GPUs: most of a GPU's memory that this process takes. */
  readonly gpuMemoryFraction: number
  /** xla on GPUs: `on` takes that memory at the start, `off` as it is needed, so that processes can share a GPU. */
  readonly gpuPreallocate: 'on' | 'off'
  /**
   * `cpu` = one replica on all cores, `cpu:2` = two replicas that share the cores; for xla `gpu:0,2` = a replica on each of
   * these GPUs, `xla-cpu:2` = two devices made of the cores.
   */
  readonly devices: string
  /**
   * Hosts that train together, one process each; every one has as many replicas as `devices` says. Which of them a process
   * is stands in no configuration (host-place.ts).
   */
  readonly hosts: number
  /** Decode worker threads. */
  readonly decodeWorkers: number
  readonly seed: number
  /** Run folder. */
  readonly out: string
  /** safetensors file with initial weights, null = drawn from the seed. */
  readonly init: string | null
  /** `standard` = pad 4, random crop, horizontal flip. */
  readonly augment: 'standard' | 'none'
  /** Brightness, contrast and saturation of training images change by factors of 1 +- this; 0 = not. */
  readonly colourJitter: number
  /** Standard deviation of AlexNet's lighting noise along the colours' principal components; 0 = none. */
  readonly pcaLighting: number
  /** Part of the training images in which a rectangle is erased. */
  readonly randomErasing: number
  /** Mixup's alpha: each image of a batch is blended with another by a share drawn from Beta(alpha, alpha); 0 = off. */
  readonly mixup: number
  /** CutMix's alpha: a rectangle of each image of a batch is another's; 0 = off. With mixup each takes half of the batches. */
  readonly cutmix: number
  /** `epoch` = a new order each epoch; `none` = the archive's order. */
  readonly shuffle: 'epoch' | 'none'
  /** Steps between two `step` lines of metrics.jsonl. */
  readonly logEvery: number
  /** Epochs between two evaluations on the test images; the last epoch always ends with one. */
  readonly evaluateEvery: number
  /** Minutes between two checkpoints within an epoch; 0 = none by time. */
  readonly checkpointMinutes: number
  /** Steps between two checkpoints within an epoch; 0 = none by steps. */
  readonly checkpointSteps: number
  /** Checkpoints kept beside the best one: as many of the ends of epochs, and as many from within epochs. */
  readonly keep: number
}
