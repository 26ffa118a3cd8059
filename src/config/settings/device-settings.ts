/** What computes, and how. */
import { DEVICES } from '../devices.ts'
import { setting } from '../setting.ts'
import { number, oneOf, orNull, PATH, wholeNumber } from '../values.ts'

/** A setting of GPUs' memory. */
function gpusOnly(flag: string) {
  const remedy = `Leave ${flag} out: it is of GPUs' memory.`
  return { setting: 'devices', values: ['gpu'], expects: '--devices gpu', remedy } as const
}

export const DEVICE_SETTINGS = {
  precision: setting(oneOf(['fp32', 'bf16']), {
    flag: '--precision',
    value: '<name>',
    help: 'fp32, or bf16 activations with fp32 master weights, statistics and losses',
    default: 'fp32',
    report: 'difference',
    work: true,
    commands: ['summary', 'bench step'],
    aliases: ['--amp', '--dtype', '--bf16', '--fp16', '--mixed-precision'],
  }),
  executor: setting(oneOf(['cpu', 'xla', 'tfjs']), {
    flag: '--executor',
    value: '<name>',
    help:
      'cpu = compiled to own kernels and oneDNN, xla = compiled by a PJRT plugin (what --devices gpu and xla-cpu mean), ' +
      'tfjs = node by node on a TensorFlow.js backend (slow, runs anywhere)',
    default: 'cpu',
    earlierWords: { onednn: 'cpu' },
    report: 'difference',
    work: true,
    commands: ['evaluate', 'bench step'],
  }),
  tfjsBackend: setting(oneOf(['cpu', 'tensorflow']), {
    flag: '--tfjs-backend',
    value: '<name>',
    help: 'cpu = pure JavaScript, tensorflow = @tensorflow/tfjs-node(-gpu) where it is installed',
    default: 'cpu',
    needs: [{ setting: 'executor', values: ['tfjs'], expects: '--executor tfjs', remedy: 'Add --executor tfjs.' }],
    report: 'none',
    onResume: 'free',
    work: true,
    commands: ['evaluate', 'bench step'],
  }),
  /** null = found by the platform. */
  pjrtPlugin: setting(orNull(PATH), {
    flag: '--pjrt-plugin',
    value: '<file>',
    help: "library of the PJRT plugin for --executor xla, instead of the set-up's",
    default: null,
    report: 'none',
    onResume: 'free',
    hosts: 'own',
    commands: ['bench step'],
  }),
  gpuMemoryFraction: setting(number({ above: 0, to: 1 }), {
    flag: '--gpu-memory-fraction',
    value: '<f>',
    help: "most of each GPU's memory that the run takes; less where processes share a GPU",
    // What cuDNN, cuBLAS and the CUDA context take lies beside it.
    default: 0.9,
    needs: [gpusOnly('--gpu-memory-fraction')],
    report: 'none',
    onResume: 'free',
    hosts: 'own',
    commands: ['resume', 'bench step'],
  }),
  gpuPreallocate: setting(oneOf(['on', 'off']), {
    flag: '--gpu-preallocate',
    value: '<on|off>',
    help:
      'on = take that memory at once: no fragments, and no other process can take it; off = as it is needed, so that ' +
      'processes can share a GPU',
    default: 'off',
    needs: [gpusOnly('--gpu-preallocate')],
    report: 'none',
    onResume: 'free',
    hosts: 'own',
    commands: ['resume', 'bench step'],
  }),
  devices: setting(DEVICES, {
    flag: '--devices',
    value: '<devices>',
    help:
      'cpu = one replica on all cores, cpu:2 = two replicas that share the cores; gpu, gpu:0,2, gpu:all = a replica on ' +
      "each GPU; xla-cpu:2 = two devices of XLA's CPU plugin",
    default: 'cpu',
    report: 'none',
    hosts: 'own',
    commands: ['evaluate', 'bench step'],
    aliases: ['--device', '--gpu', '--gpus', '--gpu-ids', '--cuda'],
  }),
  /** One process each; every one has as many replicas as `devices` says. Which of them a process is: host-place.ts. */
  hosts: setting(wholeNumber({ from: 1, to: 1024 }), {
    flag: '--hosts',
    value: '<n>',
    help:
      'hosts that train together, a process on each, with --host-rank and --coordinator; by itself taken from srun, ' +
      'torchrun, mpiexec and Kubernetes; 1 = alone under any of them',
    default: 1,
    report: 'none',
    commands: ['resume'],
    aliases: ['--nodes', '--nnodes', '--num-nodes', '--world-size'],
  }),
  decodeWorkers: setting(wholeNumber({ from: 1, to: 256 }), {
    flag: '--decode-workers',
    value: '<n>',
    help: 'threads that decode and augment',
    default: 1,
    report: 'none',
    onResume: 'free',
    hosts: 'own',
    commands: ['resume', 'evaluate'],
    aliases: ['--workers', '--num-workers', '--data-workers', '-j'],
  }),
}
