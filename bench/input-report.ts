/** The tables of `npm run bench:input`, and which of the targets are reached. */
import type { TrainingWait } from './input-training.ts'
import type { MachineFacts } from './machine-facts.ts'

export interface InputFigure {
  readonly set: string
  readonly candidate: string
  readonly workers: number
  /** Images a second. */
  readonly median: number
  readonly min: number
  readonly max: number
  readonly n: number
}

export interface InputTarget {
  readonly what: string
  readonly ratio: number
  readonly target: number
}

export interface InputBenchmark {
  readonly date: string
  readonly machine: MachineFacts
  readonly load: { readonly before: number; readonly after: number }
  readonly rounds: number
  /** What make_pictures.py says of its pictures. */
  readonly pictures: unknown
  readonly decoder: string
  readonly figures: readonly InputFigure[]
  readonly targets: readonly InputTarget[]
  readonly training: TrainingWait
  readonly memory: { readonly images: number; readonly megabytes: readonly number[] } | null
}

export function figureOf(set: string, candidate: string, workers: number, rates: readonly number[]): InputFigure {
  const sorted = rates.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const median = sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
  const [min = Number.NaN, max = Number.NaN] = [sorted[0], sorted.at(-1)]
  return { set, candidate, workers, median, min, max, n: sorted.length }
}

const LOADERS = ['dataloader-float', 'dataloader-float, tuned malloc']
const LOADERS_UINT8 = ['dataloader-uint8', 'dataloader-uint8, tuned malloc']

/** Against the better of a loader's two variants, at the same number of workers. */
export function targetsOf(figures: readonly InputFigure[]): InputTarget[] {
  const best = (set: string, candidates: readonly string[], workers: number) =>
    Math.max(
      ...figures
        .filter((one) => one.set === set && one.workers === workers && candidates.includes(one.candidate))
        .map(({ median }) => median),
    )
  const own = (set: string, workers: number) => best(set, ['own pool'], workers)
  const rows: InputTarget[] = []
  const add = (what: string, target: number, ours: number, theirs: number) => {
    if (Number.isFinite(ours) && Number.isFinite(theirs)) rows.push({ what, target, ratio: ours / theirs })
  }
  for (const workers of [1, 2]) {
    const suffix = workers === 1 ? '1 worker' : '2 workers'
    const [small, short] = [own('500x375', workers), own('short-side-256', workers)]
    add(`500x375 against DataLoader float, ${suffix}`, 2.3, small, best('500x375', LOADERS, workers))
    add(`500x375 against DataLoader uint8, ${suffix}`, 1.9, small, best('500x375', LOADERS_UINT8, workers))
    add(`short side 256 against DataLoader float, ${suffix}`, 3.5, short, best('short-side-256', LOADERS, workers))
    add(
      `short side 256 against simplejpeg + cv2, ${suffix}`,
      1,
      short,
      best('short-side-256', ['simplejpeg-cv2'], workers),
    )
  }
  for (const set of ['500x375', 'short-side-256', '2000x1500']) {
    const decode = best(set, ['libjpeg-turbo-decode'], 1)
    add(`${set} against libjpeg-turbo's full decode, 1 core`, 0.9, own(set, 1), decode)
    add(`${set}: 2 workers against 1`, 1.9, own(set, 2), own(set, 1))
  }
  const cifar = best('cifar', ['own cifar'], 1)
  add('CIFAR against torchvision-like, 1 core', 8, cifar, best('cifar', ['cifar-torchvision-like'], 1))
  add('CIFAR against vectorised numpy, 1 core', 1, cifar, best('cifar', ['cifar-numpy'], 1))
  return rows
}

export function printReport({
  date,
  machine,
  load,
  rounds,
  decoder,
  figures,
  targets,
  training,
  memory,
}: InputBenchmark): string {
  const { cpu, cores, memoryGiB, node } = machine
  const lines = [
    `# Images a second of the input, ${date}`,
    '',
    `Crops of 224 x 224 out of JPEG files (area 0.08 - 1, ratio 3/4 - 4/3), mirrored half the time; all take the same boxes. ${rounds} rounds through all candidates in turn, after one uncounted run each. Ours: ${decoder}.`,
    '',
    `Machine: ${cpu}, ${cores} cores, ${memoryGiB} GiB, node ${node}. ${printLibraries(machine)}Load average before ${load.before.toFixed(2)}, after ${load.after.toFixed(2)}.`,
    '',
    '| pictures | candidate | workers | median | min | max | n |',
    '|---|---|--:|--:|--:|--:|--:|',
    ...figures.map(
      ({ set, candidate, workers, median, min, max, n }) =>
        `| ${set} | ${candidate} | ${workers} | ${[median, min, max].map(Math.round).join(' | ')} | ${n} |`,
    ),
    '',
    '| ratio (of medians; against the better of default and tuned malloc) | ours | target | |',
    '|---|--:|--:|---|',
    ...targets.map(
      ({ what, ratio, target }) =>
        `| ${what} | ${ratio.toFixed(2)} | >= ${target} | ${ratio >= target ? 'reached' : 'missed'} |`,
    ),
  ]
  const floor = scalingOf(figures, 'libjpeg-turbo-decode')
  if (floor.length > 0) {
    lines.push(
      '',
      `What the machine gives: two processes of libjpeg-turbo's full decode against one: ${floor.join(', ')}.`,
    )
  }
  const { network, steps, batch, imagesPerSecond, inputWait } = training
  lines.push(
    '',
    `A training run (${network}, vanilla, fp32, ${steps} steps of ${batch}, 1 decode thread beside the replica): ${imagesPerSecond.toFixed(1)} images/s, ${inputWait.toFixed(2)} % of the time waiting for images (target < 1 %: ${inputWait < 1 ? 'reached' : 'missed'}).`,
  )
  if (memory !== null) {
    const megabytes = memory.megabytes.map(Math.round).join(', ')
    lines.push('', `Resident memory over ${memory.images} images of short side 256, 2 workers, MB: ${megabytes}.`)
  }
  return `${lines.join('\n')}\n`
}

/** Images a second with two workers against one, set by set. */
function scalingOf(figures: readonly InputFigure[], candidate: string): string[] {
  return figures.flatMap(({ set, candidate: name, workers, median }) => {
    const alone = figures.find((one) => one.set === set && one.candidate === candidate && one.workers === 1)
    if (name !== candidate || workers !== 2 || alone === undefined) return []
    return [`${set} ${(median / alone.median).toFixed(2)}`]
  })
}

function printLibraries({ libraries }: MachineFacts): string {
  const listed = Object.entries(libraries).map(([name, version]) => `${name} ${version}`)
  return listed.length === 0 ? '' : `${listed.join(', ')}. `
}
