/** What `train <folder of pictures>` chooses for pictures that it has never seen, where the caller chose nothing. */
import { parseDevices } from './devices.ts'
import type { GivenSettings } from './make-config.ts'

/** What is known of the pictures. */
export interface PictureCounts {
  readonly train: number
  readonly test: number
  readonly classes: number
  /** Median of the short sides in pixels; null where no file says it. */
  readonly shortSide: number | null
}

/** What the weights of `--init` are of, where they say it. */
export interface BegunFrom {
  readonly network: string
  readonly block: string
  /** Height of its images. */
  readonly size: number
}

export interface PictureChoice {
  readonly settings: GivenSettings
  /** Height and width of the network's input. */
  readonly size: number
  /** One line each, for people. */
  readonly lines: readonly string[]
}

/** Inputs that pictures with at least this short side are given, and a network for them. The largest is for GPUs and `--init`. */
const SIZES = [
  { from: 0, size: 32, network: 'resnet-32' },
  { from: 56, size: 64, network: 'resnet-32' },
  { from: 112, size: 128, network: 'imagenet-resnet-18' },
  { from: 192, size: 224, network: 'imagenet-resnet-18' },
] as const
const LARGEST_ON_CPUS = 128
/** A short run on few pictures gains from many steps; the rate goes with the batch (Goyal et al., 2017, section 2.1). */
const STEPS_PER_EPOCH = 20
const [SMALLEST_BATCH, LARGEST_BATCH] = [8, 128]
const RATE_OF_LARGEST_BATCH = 0.1
/** Fine-tuning changes weights that are good already. */
const FINE_TUNING = { rate: 0.1, steps: 1500, epochs: [5, 30] } as const
const FROM_SCRATCH = { rate: 1, steps: 6000, epochs: [20, 100] } as const

/**
 * @param given what the caller chose, which nothing here changes
 * @param begunFrom null where nothing says what the weights are of
 */
export function choosePictureSettings(
  pictures: PictureCounts,
  given: GivenSettings,
  begunFrom: BegunFrom | null,
): PictureChoice {
  const fineTuning = typeof given['init'] === 'string'
  const onDevice = typeof given['devices'] === 'string' && /^(gpu|xla)/.test(given['devices'])
  const short = pictures.shortSide ?? 0
  const fitting = SIZES.filter(
    ({ from, size }) => from <= short && (size <= LARGEST_ON_CPUS || onDevice || fineTuning),
  ).at(-1)
  const chosenSize = typeof given['imageSize'] === 'number' ? given['imageSize'] : null
  const size = chosenSize ?? begunFrom?.size ?? fitting?.size ?? SIZES[0].size
  const usual = SIZES.findLast((one) => one.size <= size) ?? SIZES[0]
  const network = begunFrom?.network ?? usual.network
  const batch = batchFor(pictures.train, given)
  const plan = fineTuning ? FINE_TUNING : FROM_SCRATCH
  const stepsPerEpoch = Math.max(1, Math.floor(pictures.train / batch))
  const epochs = Math.min(plan.epochs[1], Math.max(plan.epochs[0], Math.round(plan.steps / stepsPerEpoch)))
  const rate = Number(((RATE_OF_LARGEST_BATCH * plan.rate * batch) / LARGEST_BATCH).toPrecision(2))
  const { optimizer = 'sgd', schedule = 'cosine' } = given
  const chosen: GivenSettings = {
    network,
    ...(begunFrom !== null && given['network'] === undefined && { block: begunFrom.block }),
    batch,
    // Other optimizers have rates of their own.
    ...(optimizer === 'sgd' && { learningRate: rate }),
    ...(given['method'] !== 'snapshot' && { schedule }),
    ...(given['steps'] === undefined && { epochs }),
  }
  const settings = { ...chosen, ...given }
  const length = settings['steps'] === undefined ? `${settings['epochs']} epochs` : `${settings['steps']} steps`
  const lines = [
    `Pictures: ${pictures.train} to train on and ${pictures.test} to test on, of ${pictures.classes} classes; short side ${pictures.shortSide ?? 'unknown'}`,
    `Network: ${settings['network']} on ${size}x${size} pixels, method ${settings['method'] ?? 'one'} (--network, --image-size, --method)`,
    `Augmentation: ${settings['augment'] ?? 'standard'}: random crops of each picture, mirrored at random (--augment)`,
    `Training: ${length}, batch ${settings['batch']}, learning rate ${settings['learningRate'] ?? "the optimizer's"}, ${settings['schedule']} (--epochs, --batch, --lr, --schedule)`,
  ]
  return { settings, size, lines }
}

/** A power of two with enough steps in an epoch, in equal parts for the replicas. */
function batchFor(images: number, given: GivenSettings): number {
  if (typeof given['batch'] === 'number') return given['batch']
  const wanted = Math.min(LARGEST_BATCH, Math.max(SMALLEST_BATCH, images / STEPS_PER_EPOCH))
  const batch = Math.min(2 ** Math.floor(Math.log2(wanted)), Math.max(1, images))
  const replicas = replicasOf(given)
  return Math.max(2 * replicas, Math.floor(batch / replicas) * replicas)
}

/** Devices that are none are for the checks to tell of. */
function replicasOf({ devices }: GivenSettings): number {
  if (typeof devices !== 'string') return 1
  try {
    return parseDevices(devices).replicas
  } catch {
    return 1
  }
}
