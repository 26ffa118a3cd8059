import type { Command } from 'commander'
import {
  addSettings,
  type Define,
  JSON_OPTION,
  printed,
  refuseCommand,
  settingsOf,
  type Wrap,
} from './command-parts.ts'

/** Commands that measure this machine: `bench input`, `bench step`. */
export function defineBenchmarks(program: Command, defineIn: (parent: Command) => Define, plain: Wrap): void {
  const bench = program
    .command('bench')
    .description('Measures how fast this machine trains, and reads images: bench step, bench input.')
    .argument('[what]')
    .helpOption('-h, --help', 'print help')
    .usage('<what> [options]')
    .addHelpText(
      'after',
      '\nExamples:\n  $ native-ensemble bench step resnet-32\n  $ native-ensemble bench input shards',
    )
    .action((name?: string) => refuseCommand(bench, name))
  const define = defineIn(bench)

  define(
    'input <shards>',
    'Measures how many images a second the decode threads read, decode and augment, by their number; writes nothing.',
    ['bench input shards', 'bench input shards --threads 4,8,16 --consume 9000 --json'],
    plain(printed(async (invocation) => await (await import('./commands/bench.ts')).benchInputCommand(invocation))),
  )
    .option('--threads <list>', 'numbers of decode threads (default: 1, 2, 4, ... up to all cores)')
    .option('--consume <images/s>', 'what a training step takes; prints how much of its time it would wait for images')
    .option('--batch <n>', 'images of a batch (default: 128)')
    .option('--image-size <pixels>', "height and width of the network's input (default: what the shards say)")
    .option('--seconds <n>', 'of each measurement (default: 3)')
    .option('--rounds <n>', 'rounds through all numbers of threads (default: 3)')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nShards: a folder that `native-ensemble prepare` made.')

  const step = define(
    'step <network>',
    'Measures a training step on random images: milliseconds, images/s, peak memory; reads and writes nothing.',
    ['bench step resnet-32', 'bench step imagenet-resnet-50 --dataset imagenet --devices gpu --precision bf16 --json'],
    printed(async (invocation) => await (await import('./commands/bench.ts')).benchStepCommand(invocation)),
  )
  addSettings(step, settingsOf('bench step'))
    .option('--seconds <n>', 'of all rounds together, after the warm-up (default: 10)')
    .option('--rounds <n>', 'rounds, of which the median is printed (default: 5)')
    .option(...JSON_OPTION)
}
