import { DATASET_WORDS } from '../vocabulary/dataset-name.ts'
import { NETWORK_NAMES } from '../vocabulary/network-name.ts'
import { DEVICES_EXPECTED } from './devices.ts'
import type { RunConfig } from './run-config.ts'

/** How a setting is given on the command line, and what it may be. */
export interface OptionRow {
  readonly flag: `--${string}`
  /** Placeholder of the value in the help. */
  readonly value: string
  readonly kind: 'text' | 'number'
  readonly help: string
  /** Completes `Expected ... for --flag`; config-schema.ts checks it. */
  readonly expects: string
}

/** Settings that have an option: all but the recipe, which is an argument. */
export type OptionKey = Exclude<keyof RunConfig, 'recipe'>

/** Every option of `train`, in the order of its help. */
export const OPTION_TABLE = {
  scale: {
    flag: '--scale',
    value: '<s>',
    kind: 'number',
    help: "part of the recipe's schedule: epochs, ramp-up and cycles in proportion; every report says so",
    expects: 'a number above 0 and at most 1',
  },
  network: {
    flag: '--network',
    value: '<name>',
    kind: 'text',
    help:
      'for CIFAR resnet-32, resnet-110, resnext-29-8x64d, densenet-bc-190-40, ...; ' +
      'for ImageNet imagenet-resnet-18, imagenet-resnext-50-32x4d, ...',
    expects: NETWORK_NAMES,
  },
  block: {
    flag: '--block',
    value: '<kind>',
    kind: 'text',
    help: 'block of resnet-<6n+2>: basic, bottleneck, or auto = bottleneck from depth 44 on, as the paper',
    expects: 'auto, basic or bottleneck',
  },
  method: {
    flag: '--method',
    value: '<name>',
    kind: 'text',
    help:
      'one = On-the-fly Native Ensemble, vanilla = the plain network, kd = distilled from a trained teacher, ' +
      'dml = peers that teach each other, snapshot = Snapshot Ensemble, ensemble = independent networks',
    expects: 'one, vanilla, kd, dml, snapshot or ensemble',
  },
  branches: {
    flag: '--branches',
    value: '<n>',
    kind: 'number',
    help: "branches of ONE, the target included (the paper's m + 1)",
    expects: 'a whole number from 1',
  },
  distill: {
    flag: '--distill',
    value: '<on|off>',
    kind: 'text',
    help: 'off = ONE without on-the-fly distillation, an ablation',
    expects: 'on or off',
  },
  share: {
    flag: '--share',
    value: '<layers>',
    kind: 'text',
    help: 'low = the branches of ONE share the low layers; none = each is a whole network, an ablation',
    expects: 'low or none',
  },
  gate: {
    flag: '--gate',
    value: '<kind>',
    kind: 'text',
    help: 'learned = the gate of ONE weighs the branches; average = their plain mean, an ablation',
    expects: 'learned or average',
  },
  peers: {
    flag: '--peers',
    value: '<peers>',
    kind: 'text',
    help: 'networks of dml and ensemble: 3 = three of --network, or names as in resnet-32,resnet-110',
    expects: 'a whole number from 1 to 99, or names of networks with commas between them',
  },
  teacher: {
    flag: '--teacher',
    value: '<path>',
    kind: 'text',
    help: 'of kd: run folder, checkpoint folder or safetensors file of a trained network',
    expects: 'a path',
  },
  teacherNetwork: {
    flag: '--teacher-network',
    value: '<name>',
    kind: 'text',
    help: 'of kd: network of the teacher; a run folder says it itself',
    expects: NETWORK_NAMES,
  },
  teacherBlock: {
    flag: '--teacher-block',
    value: '<kind>',
    kind: 'text',
    help: "of kd: as --block, of the teacher's network",
    expects: 'auto, basic or bottleneck',
  },
  alpha: {
    flag: '--alpha',
    value: '<a>',
    kind: 'number',
    help: 'of kd: loss = (1 - a) cross entropy + a T^2 divergence from the teacher',
    expects: 'a number from 0 to 1',
  },
  snapshots: {
    flag: '--snapshots',
    value: '<n>',
    kind: 'number',
    help: 'of snapshot: cycles of the learning rate, each ends with a network of the ensemble',
    expects: 'a whole number from 1',
  },
  dataset: {
    flag: '--dataset',
    value: '<name>',
    kind: 'text',
    help: DATASET_WORDS,
    expects: DATASET_WORDS,
  },
  data: {
    flag: '--data',
    value: '<path>',
    kind: 'text',
    help: 'folder or archive with the images, where they are not where `fetch` puts them; for imagenet and image-folder the shards that `prepare` made',
    expects: 'a path',
  },
  inputStd: {
    flag: '--input-std',
    value: '<s>',
    kind: 'number',
    help: "standard deviation that pixels of 0..1 are divided by, instead of the dataset's own",
    expects: 'a number above 0',
  },
  imageSize: {
    flag: '--image-size',
    value: '<pixels>',
    kind: 'number',
    help: "height and width of the network's input for imagenet and image-folder (default 224)",
    expects: 'a whole number from 32 to 1024',
  },
  trainFraction: {
    flag: '--train-fraction',
    value: '<f>',
    kind: 'number',
    help: 'part of the training images to train on, the same images in every run; 0.1 = a tenth of each class',
    expects: 'a number above 0 and at most 1',
  },
  epochs: {
    flag: '--epochs',
    value: '<n>',
    kind: 'number',
    help: 'passes over the training images',
    expects: 'a whole number from 1',
  },
  steps: {
    flag: '--steps',
    value: '<n>',
    kind: 'number',
    help: 'optimiser steps, instead of epochs',
    expects: 'a whole number from 1',
  },
  batch: {
    flag: '--batch',
    value: '<images>',
    kind: 'number',
    help: 'images of one optimiser step, over all replicas',
    expects: 'a whole number from 1',
  },
  learningRate: {
    flag: '--lr',
    value: '<rate>',
    kind: 'number',
    help: 'learning rate at the start',
    expects: 'a number above 0',
  },
  schedule: {
    flag: '--schedule',
    value: '<name>',
    kind: 'text',
    help: 'learning rate over the run: step = x0.1 at 50 % and 75 %, cosine = down to 0, constant; snapshot has cosine-cycles',
    expects: 'step, cosine, constant or cosine-cycles',
  },
  momentum: {
    flag: '--momentum',
    value: '<m>',
    kind: 'number',
    help: 'Nesterov momentum',
    expects: 'a number from 0 and below 1',
  },
  weightDecay: {
    flag: '--weight-decay',
    value: '<d>',
    kind: 'number',
    help: 'L2 penalty on all parameters',
    expects: 'a number from 0',
  },
  rampUp: {
    flag: '--ramp-up',
    value: '<epochs>',
    kind: 'number',
    help: 'epochs over which the distillation term comes in; 0 = full from the start',
    expects: 'a number from 0',
  },
  temperature: {
    flag: '--temperature',
    value: '<T>',
    kind: 'number',
    help: 'softening temperature of the distillation term',
    expects: 'a number above 0',
  },
  precision: {
    flag: '--precision',
    value: '<name>',
    kind: 'text',
    help: 'fp32, or bf16 activations with fp32 master weights, statistics and losses',
    expects: 'fp32 or bf16',
  },
  executor: {
    flag: '--executor',
    value: '<name>',
    kind: 'text',
    help:
      'onednn = compiled for CPUs, xla = compiled by a PJRT plugin (what --devices gpu and xla-cpu mean), ' +
      'tfjs = node by node on a TensorFlow.js backend (slow, runs anywhere)',
    expects: 'onednn, xla or tfjs',
  },
  tfjsBackend: {
    flag: '--tfjs-backend',
    value: '<name>',
    kind: 'text',
    help: 'cpu = pure JavaScript, tensorflow = @tensorflow/tfjs-node(-gpu) where it is installed',
    expects: 'cpu or tensorflow',
  },
  pjrtPlugin: {
    flag: '--pjrt-plugin',
    value: '<file>',
    kind: 'text',
    help: "library of the PJRT plugin for --executor xla, instead of the set-up's",
    expects: 'a path',
  },
  gpuMemoryFraction: {
    flag: '--gpu-memory-fraction',
    value: '<f>',
    kind: 'number',
    help: "most of each GPU's memory that the run takes; less where processes share a GPU",
    expects: 'a number above 0 and at most 1',
  },
  gpuPreallocate: {
    flag: '--gpu-preallocate',
    value: '<on|off>',
    kind: 'text',
    help:
      'on = take that memory at once: no fragments, and no other process can take it; off = as it is needed, so that ' +
      'processes can share a GPU',
    expects: 'on or off',
  },
  devices: {
    flag: '--devices',
    value: '<devices>',
    kind: 'text',
    help:
      'cpu = one replica on all cores, cpu:2 = two replicas that share the cores; gpu, gpu:0,2, gpu:all = a replica on ' +
      "each GPU; xla-cpu:2 = two devices of XLA's CPU plugin",
    expects: DEVICES_EXPECTED,
  },
  hosts: {
    flag: '--hosts',
    value: '<n>',
    kind: 'number',
    help:
      'hosts that train together, a process on each, with --host-rank and --coordinator; by itself taken from srun, ' +
      'torchrun, mpiexec and Kubernetes; 1 = alone under any of them',
    expects: 'a whole number from 1 to 1024',
  },
  decodeWorkers: {
    flag: '--decode-workers',
    value: '<n>',
    kind: 'number',
    help: 'threads that decode and augment',
    expects: 'a whole number from 1 to 256',
  },
  seed: {
    flag: '--seed',
    value: '<n>',
    kind: 'number',
    help: 'of weights, order and augmentation; equal seeds and devices give equal runs',
    expects: 'a whole number from 0 to 4294967295',
  },
  out: { flag: '--out', value: '<folder>', kind: 'text', help: 'run folder, new or empty', expects: 'a path' },
  init: {
    flag: '--init',
    value: '<file>',
    kind: 'text',
    help: "initial weights, safetensors with PyTorch's names, instead of random ones",
    expects: 'a path',
  },
  augment: {
    flag: '--augment',
    value: '<name>',
    kind: 'text',
    help: 'standard = pad 4, random crop, horizontal flip; for imagenet and image-folder random resized crop and flip; none',
    expects: 'standard or none',
  },
  colourJitter: {
    flag: '--colour-jitter',
    value: '<s>',
    kind: 'number',
    help: "brightness, contrast and saturation of training images times 1 +- s; Torch's ImageNet recipes have 0.4",
    expects: 'a number from 0 and below 1',
  },
  pcaLighting: {
    flag: '--pca-lighting',
    value: '<std>',
    kind: 'number',
    help: "noise along the principal components of ImageNet's colours; AlexNet and Torch's recipes have 0.1",
    expects: 'a number from 0 to 1',
  },
  randomErasing: {
    flag: '--random-erasing',
    value: '<p>',
    kind: 'number',
    help: 'part of the training images in which a rectangle of 2 - 33 % becomes the mean colour',
    expects: 'a number from 0 to 1',
  },
  mixup: {
    flag: '--mixup',
    value: '<alpha>',
    kind: 'number',
    help: 'blends each training image with another of its batch, and their labels, by a share from Beta(alpha, alpha)',
    expects: 'a number from 0 to 100',
  },
  cutmix: {
    flag: '--cutmix',
    value: '<alpha>',
    kind: 'number',
    help: 'as --mixup, with a rectangle of the other image in place of the blend; with both each takes half of the batches',
    expects: 'a number from 0 to 100',
  },
  shuffle: {
    flag: '--shuffle',
    value: '<name>',
    kind: 'text',
    help: "epoch = a new order each epoch; none = the archive's order",
    expects: 'epoch or none',
  },
  logEvery: {
    flag: '--log-every',
    value: '<steps>',
    kind: 'number',
    help: 'steps between two lines of metrics.jsonl',
    expects: 'a whole number from 1',
  },
  evaluateEvery: {
    flag: '--evaluate-every',
    value: '<epochs>',
    kind: 'number',
    help: 'epochs between two evaluations on the test images; there is one at the end in any case',
    expects: 'a whole number from 1',
  },
  checkpointMinutes: {
    flag: '--checkpoint-minutes',
    value: '<m>',
    kind: 'number',
    help: 'minutes between two checkpoints within an epoch, written while training goes on; 0 = only at the ends of epochs',
    expects: 'a number from 0',
  },
  checkpointSteps: {
    flag: '--checkpoint-steps',
    value: '<n>',
    kind: 'number',
    help: 'a checkpoint after each <n> steps as well, written while training goes on; 0 = none',
    expects: 'a whole number from 0',
  },
  keep: {
    flag: '--keep',
    value: '<n>',
    kind: 'number',
    help: 'checkpoints kept beside the best one: as many of the ends of epochs, and as many from within epochs',
    expects: 'a whole number from 1',
  },
} as const satisfies Readonly<Record<OptionKey, OptionRow>>

/** Keys of the table; Object.keys has lost their type. */
export const OPTION_KEYS = Object.keys(OPTION_TABLE) as readonly OptionKey[]
