/** Which parameters learn, and how fast. */
import { parseFactors, parsePatterns } from '../parameter-patterns.ts'
import { setting } from '../setting.ts'
import { orNull, text } from '../values.ts'

const FREEZE = text(
  'names of layers or parameters with commas between them, as in conv1,bn1,layer1',
  (value) => parsePatterns(value) !== null,
)
const FACTORS = text('names with factors above 0, as in layer1=0.1,layer2=0.3', (value) => parseFactors(value) !== null)

export const FINE_TUNING_SETTINGS = {
  /** null = all learn. */
  freeze: setting(orNull(FREEZE), {
    flag: '--freeze',
    value: '<names>',
    help: 'layers or parameters of --init that stay as they are, * and ? stand for any text; !name = not this one; their batch norms predict with running averages',
    default: null,
    report: 'difference',
    aliases: ['--frozen', '--freeze-layers'],
  }),
  /** null = all with the run's rate. */
  lrScale: setting(orNull(FACTORS), {
    flag: '--lr-scale',
    value: '<name=factor>',
    help: 'factors of the learning rate by layer or parameter, with commas between them; the first that fits counts',
    default: null,
    report: 'difference',
  }),
}
