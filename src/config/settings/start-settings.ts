/** What a run begins with, and where it is kept. */
import { setting } from '../setting.ts'
import { oneOf, orNull, PATH, wholeNumber } from '../values.ts'

export const START_SETTINGS = {
  seed: setting(wholeNumber({ from: 0, to: 0xffffffff }), {
    flag: '--seed',
    value: '<n>',
    help: 'of weights, order and augmentation; equal seeds and devices give equal runs',
    default: 1,
    report: 'none',
    aliases: ['--random-seed', '--manual-seed'],
  }),
  out: setting(PATH, {
    flag: '--out',
    value: '<folder>',
    help: 'run folder, new or empty',
    derived: 'runs/<what is trained>-<number>',
    report: 'none',
    onResume: 'free',
    hosts: 'leader',
    aliases: ['--output', '--output-dir', '--out-dir', '--save-dir', '--logdir', '--log-dir', '-o'],
  }),
  /** null = drawn from the seed. */
  init: setting(orNull(PATH), {
    flag: '--init',
    value: '<weights>',
    help: "run, export or safetensors with PyTorch's names to begin with, instead of random weights; a classifier of other classes is made anew",
    default: null,
    report: 'difference',
    onResume: 'free',
    hosts: 'leader',
    aliases: ['--weights', '--pretrained', '--init-weights', '--load', '--initial-checkpoint'],
  }),
  initPartial: setting(oneOf(['off', 'on']), {
    flag: '--init-partial',
    value: '[on|off]',
    help: 'begin with those tensors of --init that fit, and draw the others',
    default: 'off',
    report: 'difference',
    onResume: 'free',
    hosts: 'leader',
  }),
}
