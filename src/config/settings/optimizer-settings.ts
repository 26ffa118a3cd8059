/** The rule by which gradients change weights. */
import { parseBetas } from '../../engine/optimizers/betas.ts'
import { OPTIMIZER_NAMES, type OptimizerName } from '../../engine/optimizers/registry.ts'
import { parseWeightGroups } from '../../engine/optimizers/weight-groups.ts'
import { type Need, setting } from '../setting.ts'
import { number, oneOf, orNull, orOwn, text } from '../values.ts'

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
    help: 'of all parameters but those of --no-decay: an L2 penalty with sgd and lars, decay beside the gradient with adamw and lamb',
    default: 1e-4,
    byOptimizer: { adamw: 1e-2, lamb: 1e-2 },
    report: 'difference',
    aliases: ['--wd', '--l2'],
  }),
  /** Groups of weights whose decay is 0. */
  noDecay: setting(
    text('norm, bias, norm,bias or none', (groups) => parseWeightGroups(groups) !== null),
    {
      flag: '--no-decay',
      value: '<groups>',
      help: 'weights without weight decay: norm = scales and shifts of batch norm, bias = biases of linear layers, norm,bias, or none',
      default: 'none',
      report: 'difference',
      aliases: ['--no-weight-decay', '--no-bias-decay', '--no-bn-decay'],
    },
  ),
  /** null = gradients as they are. */
  clipNorm: setting(orNull(number({ above: 0 })), {
    flag: '--clip-norm',
    value: '<norm>',
    help: 'largest norm of all gradients together, averaged over replicas and hosts; larger ones are scaled down to it',
    default: null,
    report: 'difference',
    aliases: ['--clip-grad', '--clip-grad-norm', '--grad-clip', '--gradient-clip-val', '--max-grad-norm'],
  }),
  /** null = no average is kept. */
  ema: setting(orNull(number({ above: 0, below: 1 })), {
    flag: '--ema',
    value: '<decay>',
    help: 'keeps an exponential moving average of the weights beside them, 0.9999 say; evaluate --ema and export --ema take it',
    default: null,
    needs: [
      {
        setting: 'schedule',
        values: ['step', 'cosine', 'constant'],
        expects: '--schedule step, cosine or constant',
        remedy: 'Leave --ema out: snapshot takes the weights at the end of each cycle.',
      },
    ],
    report: 'difference',
    aliases: ['--ema-decay', '--model-ema', '--model-ema-decay'],
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
