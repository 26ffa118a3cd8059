/** The rule by which gradients change weights. */
import { parseBetas } from '../../engine/optimizers/betas.ts'
import { OPTIMIZER_NAMES, type OptimizerName } from '../../engine/optimizers/registry.ts'
import { type Need, setting } from '../setting.ts'
import { number, oneOf, orOwn, text } from '../values.ts'

function only(flag: string, ...values: OptimizerName[]): Need {
  const choices = values.map((name) => `--optimizer ${name}`).join(' or ')
  return { setting: 'optimizer', values, expects: choices, remedy: `Leave ${flag} out, or use ${choices}.` }
}

export const OPTIMIZER_SETTINGS = {
  optimizer: setting(orOwn('optimizer', oneOf(OPTIMIZER_NAMES)), {
    flag: '--optimizer',
    value: '<name>',
    help: 'sgd = with Nesterov momentum, adamw = Adam with decoupled weight decay, lamb and lars = for large batches; or ./mine.js',
    default: 'sgd',
    report: 'difference',
    commands: ['bench step'],
    aliases: ['--optimiser', '--opt', '--optim'],
  }),
  momentum: setting(number({ from: 0, below: 1 }), {
    flag: '--momentum',
    value: '<m>',
    help: 'Nesterov momentum of sgd, momentum of lars',
    default: 0.9,
    needs: [only('--momentum', 'sgd', 'lars')],
    report: 'difference',
  }),
  weightDecay: setting(number({ from: 0 }), {
    flag: '--weight-decay',
    value: '<d>',
    help: 'of all parameters: an L2 penalty with sgd and lars, decay beside the gradient with adamw and lamb',
    default: 1e-4,
    byOptimizer: { adamw: 1e-2, lamb: 1e-2 },
    report: 'difference',
    aliases: ['--wd', '--l2'],
  }),
  betas: setting(
    text(
      'two numbers from 0 and below 1 with a comma between them, as in 0.9,0.999',
      (betas) => parseBetas(betas) !== null,
    ),
    {
      flag: '--betas',
      value: '<b1,b2>',
      help: 'of adamw and lamb: decay rates of the averages of the gradient and of its square',
      default: '0.9,0.999',
      needs: [only('--betas', 'adamw', 'lamb')],
      report: 'difference',
      aliases: ['--opt-betas', '--adam-betas'],
    },
  ),
  epsilon: setting(number({ above: 0 }), {
    flag: '--eps',
    value: '<e>',
    help: "of adamw and lamb: added to the root of the gradient's average square",
    default: 1e-8,
    // As LAMB's authors have it.
    byOptimizer: { lamb: 1e-6 },
    needs: [only('--eps', 'adamw', 'lamb')],
    report: 'difference',
    aliases: ['--epsilon', '--adam-epsilon', '--opt-eps'],
  }),
  /** A layer's step relative to its own length, before the learning rate. */
  trustCoefficient: setting(number({ above: 0 }), {
    flag: '--trust-coefficient',
    value: '<c>',
    help: 'of lars: step of a filter relative to its length, before --lr',
    default: 0.001,
    needs: [only('--trust-coefficient', 'lars')],
    report: 'difference',
    aliases: ['--trust-coeff'],
  }),
}
