/** The command line: names, options and help. What a command does is loaded when it is called. */
import { Command, CommanderError } from 'commander'
import { refuseFaults } from '../config/config-fault.ts'
import { OPTION_KEYS } from '../config/option-table.ts'
import { EXPORT_FORMATS } from '../deploy/export/export-formats.ts'
import { PUBLISHED_DATASETS } from '../vocabulary/dataset-name.ts'
import { UserFault } from '../vocabulary/fault.ts'
import { packageVersion } from '../vocabulary/package-version.ts'
import { defineBenchmarks } from './bench-commands.ts'
import {
  type Action,
  addSettings,
  type Define,
  JSON_OPTION,
  printed,
  refuseCommand,
  settingsOf,
  type Wrap,
} from './command-parts.ts'
import { EXIT } from './failure.ts'
import { commandPath, readInvocation } from './invocation.ts'
import { tellOwnOptions } from './own-options.ts'

const HOST_OPTIONS = [
  ['--host-rank <k>', 'which of --hosts this one is, from 0; rank 0 writes the run'],
  ['--coordinator <host:port>', 'with --hosts: where rank 0 listens'],
] as const
const MEMBER_OPTION = [
  '--member <which>',
  'number of a branch or peer, from 0, or ensemble (default: 0, or what an export holds)',
] as const
const AVERAGE_OPTION = ['--ema', 'the moving average of the weights that a run with --ema keeps'] as const
const CHECKPOINT_OPTION = ['--checkpoint <which>', 'latest, best, or a step (default: latest)'] as const

/**
 * @param argv arguments behind the program's name
 * @returns the exit code
 * @throws UserFault for a command line that cannot be
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done
  const program = defineProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // --help and --version come here too.
    if (error.exitCode === 0) return EXIT.done
    const message = error.message.replace(/^error: /, '')
    throw new UserFault(
      `${message.charAt(0).toUpperCase()}${message.slice(1)}.`,
      'native-ensemble --help shows the way.',
    )
  }
  return exitCode
}

function defineProgram(ended: (exitCode: number) => void): Command {
  const program = new Command('native-ensemble')
  program
    .description('Trains image classifiers with On-the-fly Native Ensemble distillation (ONE).')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .argument('[command]')
    .allowUnknownOption()
    .allowExcessArguments()
    .usage('<command> [options]')
    .addHelpText('after', '\nFirst run:\n  $ native-ensemble fetch fashion-mnist\n  $ native-ensemble train quickstart')
    .action((name?: string) => refuseCommand(program, name))

  /** Unknown options are gathered by readInvocation, to be told all at once. */
  const defineIn =
    (parent: Command): Define =>
    (usage, description, examples, action) =>
      parent
        .command(usage)
        .description(description)
        .allowUnknownOption()
        .allowExcessArguments()
        .helpOption('-h, --help', 'print help')
        .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ native-ensemble ${line}`).join('\n')}`)
        .action(async (...parameters: unknown[]) => {
          const command = parameters.at(-1)
          if (command instanceof Command) ended(await act(command, action, usage.includes('<run')))
        })
  const define = defineIn(program)
  /** For commands that have no faults of their own to tell beside the unknown options. */
  const plain: Wrap = (action) => async (invocation) => {
    refuseFaults(invocation.faults, 'this command')
    return await action(invocation)
  }

  const train = define(
    'train [recipe-or-pictures]',
    'Trains a network, from a recipe, options, a recipe changed by options, or a folder of your own pictures.',
    [
      'train quickstart',
      'train ./photos',
      'train table1/resnet-32-one-cifar100 --seed 2 --precision bf16',
      'train --network resnet-20 --dataset cifar10 --epochs 30',
      'train --init w.safetensors --augment none --shuffle none --log-every 1 --steps 10',
      'train table1/resnet-32-one-cifar100 --print-config > mine.yaml',
      'train --config mine.yaml --seed 2',
      'train table1/resnet-32-one-cifar100 --profile',
    ],
    async (invocation) => await (await import('./commands/train.ts')).trainCommand(invocation),
  )
  addSettings(train, OPTION_KEYS)
    .option('--config <file>', 'settings from a YAML or JSON file, keys as the options are named; options beat it')
    .option('--print-config', 'instead of training: print all settings as such a file, with --json as JSON')
    .option(
      '--profile',
      'instead of training: time the first 20 steps after 5 warm ones, print the time by op and by layer, write nothing',
    )
    .option(...JSON_OPTION)
  for (const [flag, help] of HOST_OPTIONS) train.option(flag, help)
  train.addHelpText(
    'after',
    '\nRecipes: `native-ensemble recipes` lists them. Pictures: a folder with a folder for each class; they are packed' +
      '\nonce, and network, image size and epochs are chosen and said where you name none.',
  )

  define(
    'recipes [beginning]',
    "Lists the recipes: the paper's figure, epochs, FLOPs of the whole training, and the time it would take here.",
    ['recipes', 'recipes table1/', 'recipes table3 --json'],
    plain(printed(async (invocation) => await (await import('./commands/recipes.ts')).recipesCommand(invocation))),
  )
    .option('--runs <folder>', 'folder of runs whose speed is looked up (default: runs)')
    .option(...JSON_OPTION)

  const evaluate = define(
    'evaluate <run>',
    'Measures the top-1 and top-5 error of each branch and of the teacher.',
    ['evaluate runs/quickstart-1', 'evaluate runs/quickstart-1 --checkpoint best --json'],
    plain(printed(async (invocation) => await (await import('./commands/evaluate.ts')).evaluateCommand(invocation))),
  )
  evaluate
    .option(...CHECKPOINT_OPTION)
    .option('--split <name>', 'test or train (default: test)')
    .option(...AVERAGE_OPTION)
  addSettings(evaluate, settingsOf('evaluate'), false).option(...JSON_OPTION)

  defineResume(define)

  define(
    'fetch <dataset>',
    `Fetches ${PUBLISHED_DATASETS.join(', ')}, and checks it; does nothing where it is there.`,
    ['fetch fashion-mnist', 'fetch cifar10 --data /mnt/images/cifar10'],
    plain(async (invocation) => await (await import('./commands/fetch.ts')).fetchCommand(invocation)),
  ).option('--data <folder>', 'where to put it (default: $NATIVE_ENSEMBLE_DATA or ./data, and its name)')

  const prepare = define(
    'prepare [source] [shards]',
    'Packs images into shards for the datasets imagenet and image-folder, after decoding each whole once.',
    [
      'prepare ~/ilsvrc2012 data/imagenet',
      'prepare photos data/image-folder --validation 0.2 --on-bad skip',
      'prepare photos small --short-side 256 --quality 90',
      'prepare --verify data/imagenet',
    ],
    async (invocation) => await (await import('./commands/prepare.ts')).prepareCommand(invocation),
  )
  addPrepareOptions(prepare)

  const summary = define(
    'summary <network>',
    'Lists layers, parameters, FLOPs as the paper counts them, and the memory of a training step.',
    ['summary resnet-32', 'summary resnet-110 --branches 3 --dataset cifar100 --json'],
    printed(async (invocation) => await (await import('./commands/summary.ts')).summaryCommand(invocation)),
  )
  addSettings(summary, settingsOf('summary')).option(...JSON_OPTION)

  defineDeployment(define, plain)
  defineFigures(define, plain)
  defineWatch(define, plain)
  defineMachines(define, plain)
  defineBenchmarks(program, defineIn, plain)
  return program
}

/** @param ofRun whether the command goes by the settings of a run */
async function act(command: Command, action: Action, ofRun: boolean): Promise<number> {
  try {
    return await action(readInvocation(command))
  } catch (error) {
    const known = command.options.flatMap(({ long }) => long ?? [])
    throw tellOwnOptions(error, commandPath(command), known, ofRun)
  }
}

function defineResume(define: Define): void {
  const resume = define(
    'resume <run>',
    'Goes on with a run from its newest checkpoint, to the same result as if it had never stopped.',
    ['resume runs/quickstart-1', 'resume runs/quickstart-1 --epochs 6'],
    async (invocation) => await (await import('./commands/resume.ts')).resumeCommand(invocation),
  )
  addSettings(resume, settingsOf('resume'), false).option(...JSON_OPTION)
  resume.option(
    '--epochs <n>',
    'train longer, more epochs than the run has; the schedule of the learning rate is then that of all of them',
  )
  for (const [flag, help] of HOST_OPTIONS) resume.option(flag, help)
}

/** Commands that use what was trained. */
function defineDeployment(define: Define, plain: Wrap): void {
  define(
    'export <model>',
    'Writes one branch as the plain network it is when deployed, or the ensemble, for other programs.',
    [
      'export runs/quickstart-1',
      'export runs/quickstart-1 --member 2 --checkpoint best --out branch-2.safetensors',
      'export runs/quickstart-1 --format onnx --member ensemble --input uint8',
      'export branch-0.safetensors --format web --out page',
    ],
    plain(async (invocation) => await (await import('./commands/export.ts')).exportCommand(invocation)),
  )
    .option('--format <name>', `${EXPORT_FORMATS.join(', ')} (default: safetensors)`)
    .option(...MEMBER_OPTION)
    .option('--branch <i>', 'the same as --member <i>')
    .option(...CHECKPOINT_OPTION)
    .option(...AVERAGE_OPTION)
    .option('--fold-batch-norm', 'make batch norms part of the layers before them: onnx, tfjs and web')
    .option(
      '--input <type>',
      'of onnx: float32 = normalised [batch, 3, height, width], uint8 = pixels [batch, height, width, 3] (default: float32)',
    )
    .option(
      '--out <path>',
      'file or folder to write (default: branch-<i>.<format> or ensemble.<format> in the run folder, with --ema branch-<i>-ema.<format>)',
    )
    .addHelpText(
      'after',
      "\nsafetensors: PyTorch's names. onnx: opset 17, any batch. tfjs: a folder with a TensorFlow.js GraphModel. web: a folder" +
        '\nwith a page that classifies pictures and the camera offline. Model: a run, or a safetensors file that `export` wrote.',
    )

  define(
    'predict <model> <images...>',
    'Classifies image files and all files in folders, prepared as those that the network was evaluated on.',
    ['predict runs/quickstart-1 cat.jpg photos/', 'predict branch-0.safetensors photos/ --top 1 --json'],
    plain(printed(async (invocation) => await (await import('./commands/predict.ts')).predictCommand(invocation))),
  )
    .option('--top <k>', 'classes of each image, the likeliest first (default: 5)')
    .option(...MEMBER_OPTION)
    .option(...CHECKPOINT_OPTION)
    .option('--executor <name>', 'cpu, tfjs or xla (default: cpu)')
    .option('--devices <list>', 'with --executor xla: gpu, gpu:<number> or xla-cpu (default: gpu)')
    .option('--json', 'print a JSON object for each image, a line each, then one with the images/s')
    .addHelpText(
      'after',
      '\nModel: the folder of a run, or a safetensors file that `export` wrote. An image that cannot be classified has a line' +
        '\nwith the reason; the exit code is 0 where all were classified, else 2.',
    )
}

/** Commands that make the paper's tables and figures out of runs. */
function defineFigures(define: Define, plain: Wrap): void {
  const robustness = define(
    'robustness <runs...>',
    "Measures how wide the minimum of each run is: errors of its deployed network at theta + d v, the paper's figure 3.",
    ['robustness runs/quickstart-1 --fraction 0.1', 'robustness runs/vanilla runs/dml runs/one --out figure3'],
    plain(
      printed(async (invocation) => await (await import('./commands/robustness.ts')).robustnessCommand(invocation)),
    ),
  )
  robustness
    .option('--directions <n>', 'random directions v of unit length (default: 5)')
    .option('--farthest <d>', 'largest distance d (default: 5)')
    .option('--steps <n>', 'steps from 0 to the largest distance (default: 5)')
    .option('--direction-seed <n>', 'of the directions (default: 1)')
    .option('--fraction <f>', 'part of the training and test images that is evaluated on (default: 1)')
    .option('--branch <i>', 'which branch or peer (default: 0)')
    .option('--out <folder>', 'folder for the figures of several runs together (default: report)')
    .option(...CHECKPOINT_OPTION)
  addSettings(robustness, settingsOf('evaluate'), false).option(...JSON_OPTION)

  define(
    'report <runs...>',
    "Writes report.html of a run again; of several runs, or folders of runs, the paper's tables with ours beside, and curves.",
    ['report runs/quickstart-1', 'report runs/ --out report', 'report runs/seed-1 runs/seed-2 --json'],
    plain(printed(async (invocation) => await (await import('./commands/report.ts')).reportCommand(invocation))),
  )
    .option('--out <folder>', 'folder for the tables and curves of several runs (default: report)')
    .option(...JSON_OPTION)
}

function defineWatch(define: Define, plain: Wrap): void {
  define(
    'watch [folder]',
    'Shows all runs of a folder in a local page while they train: curves, speed, time left, class errors, side by side.',
    ['watch', 'watch runs/quickstart-1 --port 9000', 'watch runs --lines | node examples/lines-to-mlflow.js'],
    plain(async (invocation) => await (await import('./commands/watch.ts')).watchCommand(invocation)),
  )
    .option('--port <n>', 'of 127.0.0.1 (default: 8470, or another where that is taken)')
    .option('--lines', 'instead of a page: print what the runs measure as lines of JSON, the old ones and then the new')
    .option('--once', 'with --lines: end after those that there are')
    .addHelpText('after', '\nFolder: of runs, or of one (default: runs). docs/watch.md has an adapter for MLflow.')
}

/** Commands about this machine, and the way to another. */
function defineMachines(define: Define, plain: Wrap): void {
  define(
    'devices',
    'Lists the executors and devices that work here, and for each that does not, why and what to install.',
    ['devices', 'devices --json'],
    plain(printed(async (invocation) => await (await import('./commands/devices.ts')).devicesCommand(invocation))),
  ).option(...JSON_OPTION)

  define(
    'setup [plugin]',
    "Compiles the addons for this machine's processor (g++), or fetches a PJRT plugin of XLA (python3 with pip).",
    ['setup', 'setup cuda13', 'setup cuda12', 'setup xla-cpu'],
    plain(async (invocation) => await (await import('./commands/setup.ts')).setupCommand(invocation)),
  )

  define(
    'bundle [file]',
    'Packs this installation with its Node into one file, for a machine that has neither Node nor a network.',
    ['bundle carried.tar.xz', 'bundle carried.tar.gz --json'],
    plain(async (invocation) => await (await import('./commands/bundle.ts')).bundleCommand(invocation)),
  )
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nThere: tar -xf carried.tar.xz, then ./native-ensemble train ... Its programs are compiled for processors like the' +
        '\none here; on another that lacks instructions it says so. Images and PJRT plugins are not in it.',
    )
}

function addPrepareOptions(command: Command): void {
  command
    .option(
      '--on-bad <policy>',
      'images that cannot be decoded: fail, skip, or report = only list them (default: fail)',
    )
    .option(
      '--validation <part>',
      'part of each class that becomes test images where there is no val/; 0 = none (default: 0.1)',
    )
    .option('--short-side <pixels>', 'encode larger images again at this size (default: the bytes as they are)')
    .option('--quality <q>', 'JPEG quality with --short-side (default: 90)')
    .option('--input <pixels>', "width and height of the network's input (default: 224)")
    .option('--shard-size <MB>', 'most megabytes of a shard (default: a 64th of all, from 16 to 256)')
    .option('--processes <n>', 'processes that decode (default: one for each core)')
    .option('--verify <shards>', 'instead: compare every byte of these shards with what was made')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nSource: a folder with the official ILSVRC2012 archives (train, val, devkit), one with train/<class>/ and' +
        '\nval/<class>/, or one with a folder for each class. Ctrl-C, and the same command again, goes on.',
    )
}
