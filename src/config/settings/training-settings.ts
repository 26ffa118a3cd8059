/** How long, in what batches, at what rate and with what weight of the distillation. The defaults are the paper's (section 4). */
import { readersInWords, readersOf } from '../../engine/methods/registry.ts'
import { setting } from '../setting.ts'
import { number, oneOf, orNull, wholeNumber } from '../values.ts'
import { OPTIMIZER_SETTINGS } from './optimizer-settings.ts'

export const TRAINING_SETTINGS = {
  epochs: setting(wholeNumber({ from: 1 }), {
    flag: '--epochs',
    value: '<n>',
    help: 'passes over the training images',
    default: 300,
    report: 'difference',
    aliases: ['--epoch', '--num-epochs', '--max-epochs'],
  }),
  /** Ends the run after this many steps where set, whatever `epochs` says; the schedule then spans these steps. */
  steps: setting(orNull(wholeNumber({ from: 1 })), {
    flag: '--steps',
    value: '<n>',
    help: 'optimizer steps, instead of epochs',
    default: null,
    report: 'difference',
    aliases: ['--max-steps', '--num-steps', '--iterations', '--iters'],
  }),
  /** null = the run has its whole length. */
  earlyStop: setting(orNull(wholeNumber({ from: 1 })), {
    flag: '--early-stop',
    value: '<epochs>',
    help: 'ends the run when the mean test error of its members has been no lower for this many epochs, at an evaluation',
    default: null,
    needs: [
      {
        setting: 'schedule',
        values: ['step', 'cosine', 'constant'],
        expects: '--schedule step, cosine or constant',
        remedy: 'Leave --early-stop out: snapshot takes a network at the end of each cycle.',
      },
    ],
    report: 'difference',
    aliases: ['--early-stopping', '--patience', '--early-stopping-patience'],
  }),
  batch: setting(wholeNumber({ from: 1 }), {
    flag: '--batch',
    value: '<images>',
    help: 'images of one optimizer step, over all replicas',
    default: 128,
    report: 'difference',
    commands: ['summary', 'bench step'],
    aliases: ['--batch-size', '--bs', '--train-batch-size', '-b'],
  }),
  learningRate: setting(number({ above: 0 }), {
    flag: '--lr',
    value: '<rate>',
    help: 'learning rate at the start',
    default: 0.1,
    // As torch.optim's AdamW; the rate of LARS is relative to the length of the weights.
    byOptimizer: { adamw: 1e-3, lamb: 1e-3, lars: 1 },
    report: 'difference',
    aliases: ['--learning-rate', '--base-lr', '--initial-lr'],
  }),
  schedule: setting(oneOf(['step', 'cosine', 'constant', 'cosine-cycles']), {
    flag: '--schedule',
    value: '<name>',
    help: 'learning rate over the run: step = x0.1 at 50 % and 75 %, cosine = down to --cosine-floor, constant; snapshot has cosine-cycles',
    default: 'step',
    report: 'difference',
    aliases: ['--scheduler', '--lr-schedule', '--lr-scheduler', '--sched'],
  }),
  /** Epochs over which the rate rises to `learningRate`; the schedule spans those that follow. */
  warmUp: setting(number({ from: 0 }), {
    flag: '--warm-up',
    value: '<epochs>',
    help: 'epochs over which the learning rate rises, step by step, from a hundredth of --lr; the schedule spans the rest',
    default: 0,
    needs: [
      {
        setting: 'schedule',
        values: ['step', 'cosine', 'constant'],
        expects: '--schedule step, cosine or constant',
        remedy: 'Leave --warm-up out: each cycle of snapshot begins at the full rate.',
        unless: 0,
      },
    ],
    report: 'difference',
    aliases: ['--warmup', '--warmup-epochs', '--lr-warmup-epochs'],
  }),
  /** Least rate of the cosine schedules, which end at it; 0 = they end at nothing. */
  cosineFloor: setting(number({ from: 0 }), {
    flag: '--cosine-floor',
    value: '<rate>',
    help: 'learning rate that cosine, and each cycle of cosine-cycles, ends at',
    default: 0,
    needs: [
      {
        setting: 'schedule',
        values: ['cosine', 'cosine-cycles'],
        expects: '--schedule cosine',
        remedy: 'Add --schedule cosine, or leave --cosine-floor out.',
      },
    ],
    report: 'difference',
    aliases: ['--min-lr', '--lr-min', '--eta-min'],
  }),
  /** Of the targets of all cross entropies that are trained: of each branch or peer, and of ONE's teacher. */
  labelSmoothing: setting(number({ from: 0, below: 1 }), {
    flag: '--label-smoothing',
    value: '<e>',
    help: 'part of each target that is spread over all classes, in every cross entropy that is trained; evaluations have none',
    default: 0,
    report: 'difference',
    aliases: ['--smoothing', '--ls'],
  }),
  ...OPTIMIZER_SETTINGS,
  /** w(e) = exp(-5 (1 - min(e, R) / R)^2) of epoch e; of dkd min((e + 1) / R, 1). */
  rampUp: setting(number({ from: 0 }), {
    flag: '--ramp-up',
    value: '<epochs>',
    help: 'epochs over which the distillation term comes in; 0 = full from the start',
    derived: "ONE's 80 of 300 epochs, in proportion (dkd: 20 of 240); 0 with --steps",
    needs: [
      {
        setting: 'method',
        values: readersOf('rampUp'),
        expects: readersInWords('rampUp'),
        remedy: 'Leave --ramp-up out: nothing is distilled so.',
      },
    ],
    report: 'difference',
  }),
  temperature: setting(number({ above: 0 }), {
    flag: '--temperature',
    value: '<T>',
    help: 'softening temperature of the distillation term',
    default: 3,
    needs: [
      {
        setting: 'method',
        values: readersOf('temperature'),
        expects: readersInWords('temperature'),
        remedy: 'Leave --temperature out: nothing is distilled so.',
      },
    ],
    report: 'difference',
    aliases: ['--temp', '--kd-temperature', '-T'],
  }),
}
