/** What a run begins with, and where it is kept. */
import { setting } from '../setting.ts'
import { orNull, PATH, wholeNumber } from '../values.ts'

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
    value: '<file>',
    help: "initial weights, safetensors with PyTorch's names, instead of random ones",
    default: null,
    report: 'difference',
    onResume: 'free',
    hosts: 'leader',
    aliases: ['--weights', '--pretrained', '--init-weights', '--load', '--initial-checkpoint'],
  }),
}
