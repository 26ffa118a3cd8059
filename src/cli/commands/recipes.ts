import { makeConfig } from '../../config/make-config.ts'
import type { PaperFigure, Recipe } from '../../config/recipe.ts'
import { RECIPES } from '../../config/recipes.ts'
import type { RunConfig } from '../../config/run-config.ts'
import { estimateTime, measuredRuns, type TimeEstimate } from '../../studies/measured-speed.ts'
import { type TrainingCost, trainingCost } from '../../studies/training-cost.ts'
import { expected, UserFault } from '../../vocabulary/fault.ts'
import { didYouMean } from '../../vocabulary/nearest-word.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { textTable } from '../text-table.ts'

/** A recipe with what it takes. */
interface ListedRecipe extends Recipe {
  readonly name: string
  readonly epochs: number
  /** null where the step is not captured before the images are prepared. */
  readonly cost: TrainingCost | null
  readonly time: TimeEstimate | null
}

/** `recipes [prefix]`. */
export async function recipesCommand({ operands, options }: Invocation): Promise<number> {
  const prefix = operands[0] ?? ''
  const runs = await measuredRuns(typeof options['runs'] === 'string' ? options['runs'] : 'runs')
  const names = Object.keys(RECIPES).filter((name) => name.startsWith(prefix))
  if (names.length === 0) {
    const groups = [...new Set(Object.keys(RECIPES).map((name) => name.replace(/(?<=\/).*/, '')))]
    const remedy = didYouMean(prefix, [...groups, ...Object.keys(RECIPES)], 'Leave it out for all.')
    throw expected(`the beginning of a recipe's name (${groups.join(', ')})`, 'the recipes', prefix, remedy)
  }
  const listed: ListedRecipe[] = []
  for (const name of names) {
    const recipe = RECIPES[name]
    if (recipe === undefined) continue
    // Nothing is written there: the folder only keeps a fresh one from being looked for.
    const config = await makeConfig(name, { out: 'none' })
    const cost = await costIfKnown(config)
    const time = cost === null ? null : await estimateTime(config, runs)
    listed.push({ name, ...recipe, epochs: config.epochs, cost, time })
  }
  process.stdout.write(options['json'] === true ? `${JSON.stringify(listed)}\n` : printRecipes(listed))
  return EXIT.done
}

async function costIfKnown(config: RunConfig): Promise<TrainingCost | null> {
  try {
    return await trainingCost(config)
  } catch (error) {
    if (error instanceof UserFault) return null
    throw error
  }
}

function printRecipes(recipes: readonly ListedRecipe[]): string {
  const rows = recipes.map(({ name, row, epochs, cost, time }) => [
    name,
    row?.paper?.error === undefined || row.paper.error === null ? '' : printFigure(row.paper.error),
    String(epochs),
    cost === null ? '?' : (cost.trainFlops / 1e8).toFixed(2),
    row?.paper?.trainFlops === undefined || row.paper.trainFlops === null
      ? ''
      : (row.paper.trainFlops / 1e8).toFixed(2),
    cost === null ? '?' : printPetaflops(cost.totalFlops),
    time === null ? 'not measured' : `${time.same ? '' : '~ '}${printHours(time.seconds)}`,
  ])
  const head = ['recipe', 'paper: error %', 'epochs', 'TrCost', 'paper', 'PFLOPs', 'time here']
  const sources = [...new Set(recipes.flatMap(({ time }) => (time === null ? [] : [time.from])))]
  const notes = [
    'TrCost: forward pass of one image through all that is trained, 1e8 FLOPs (2 x multiply-adds).',
    'PFLOPs: the whole training, 3 x TrCost x images x epochs; a teacher that is trained first included.',
    sources.length === 0
      ? 'time here: no run of this machine in the runs folder yet; quickstart is the first to try.'
      : `time here: at the speed of ${sources.join(', ')}; ~ = other work, by its FLOPs a second.`,
    'Shorten any with --scale 0.1. Start one with: native-ensemble train <recipe>',
  ]
  return `${textTable(head, rows)}\n\n${notes.join('\n')}\n`
}

function printFigure({ mean, std }: PaperFigure): string {
  return std === null ? mean.toFixed(2) : `${mean.toFixed(2)} ± ${std.toFixed(2)}`
}

function printPetaflops(flops: number): string {
  const peta = flops / 1e15
  return peta < 10 ? peta.toPrecision(2) : peta.toFixed(0)
}

function printHours(seconds: number): string {
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`
  return seconds < 48 * 3600 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86400).toFixed(1)} days`
}
