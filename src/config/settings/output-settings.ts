/** What a run writes, and how often: only the leader of several hosts writes. */
import { setting } from '../setting.ts'
import { number, wholeNumber } from '../values.ts'

export const OUTPUT_SETTINGS = {
  logEvery: setting(wholeNumber({ from: 1 }), {
    flag: '--log-every',
    value: '<steps>',
    help: 'steps between two lines of metrics.jsonl',
    default: 20,
    report: 'none',
    onResume: 'free',
    hosts: 'leader',
    commands: ['resume'],
    aliases: ['--log-interval', '--log-freq', '--print-freq', '--logging-steps', '--log-steps'],
  }),
  evaluateEvery: setting(wholeNumber({ from: 1 }), {
    flag: '--evaluate-every',
    value: '<epochs>',
    help: 'epochs between two evaluations on the test images; there is one at the end in any case',
    default: 1,
    report: 'none',
    onResume: 'free',
    hosts: 'leader',
    aliases: ['--eval-every', '--eval-interval', '--eval-freq', '--validate-every'],
  }),
  checkpointMinutes: setting(number({ from: 0 }), {
    flag: '--checkpoint-minutes',
    value: '<m>',
    help: 'minutes between two checkpoints within an epoch, written while training goes on; 0 = only at the ends of epochs',
    default: 15,
    report: 'none',
    onResume: 'free',
    hosts: 'leader',
    commands: ['resume'],
  }),
  checkpointSteps: setting(wholeNumber({ from: 0 }), {
    flag: '--checkpoint-steps',
    value: '<n>',
    help: 'a checkpoint after each <n> steps as well, written while training goes on; 0 = none',
    default: 0,
    report: 'none',
    onResume: 'free',
    hosts: 'leader',
    commands: ['resume'],
  }),
  keep: setting(wholeNumber({ from: 1 }), {
    flag: '--keep',
    value: '<n>',
    help: 'checkpoints kept beside the best one: as many of the ends of epochs, and as many from within epochs',
    default: 2,
    report: 'none',
    onResume: 'free',
    hosts: 'leader',
    commands: ['resume'],
  }),
}
