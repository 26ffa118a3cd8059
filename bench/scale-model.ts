/** `npm run scale:model`: prints the tables of docs/scale.md. Nothing is measured. */
import {
  CONSTANTS,
  decodeCores,
  GPU_STEPS,
  limitsOf,
  type ScaledStep,
  stepOnGpus,
  stepOnHosts,
} from './scale-arithmetic.ts'

const GPUS = [8, 16, 64, 256, 1024]
const HOSTS = [16, 32, 64, 128, 256]
/** Images of a host where the batch grows with the hosts, and of all where it does not. */
const HOST_BATCH = 256
const GLOBAL_BATCH = 8192

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
  [
    row(head),
    `|${head.map((_, column) => (rows.every((cells) => /^[\d.]+( %)?$|^-$/.test(String(cells[column]))) ? '--:' : '---')).join('|')}|`,
    ...rows.map(row),
  ].join('\n')

const percent = (share: number) => `${(100 * share).toFixed(0)} %`
const ms = (milliseconds: number) => milliseconds.toFixed(2)

const scaled = (steps: readonly ScaledStep[], machines: string) =>
  table(
    [machines, 'batch', 'compute ms', 'sum ms', 'not hidden ms', 'host 0 ms', 'step ms', 'efficiency', 'evaluation'],
    steps.map((one) => [
      ...[one.machines, one.globalBatch, ms(one.computeMs), ms(one.sumMs), ms(one.exposedMs), ms(one.leaderMs)],
      ...[ms(one.stepMs), percent(one.efficiency), percent(one.evaluationShare)],
    ]),
  )

const parts = [
  table(
    ['constant', 'value', 'kind', 'source'],
    Object.entries(CONSTANTS).map(([name, one]) => [
      name,
      `${one.value > 1000 ? one.value : Number(one.value.toPrecision(4))} ${one.unit}`,
      one.kind,
      one.source,
    ]),
  ),
  ...GPU_STEPS.map(
    (step) =>
      `${step.name}, batch ${step.batch} a GPU (time of the step: ${step.timeIs})\n\n` +
      scaled(
        GPUS.map((gpus) => stepOnGpus(step, gpus)),
        'GPUs',
      ),
  ),
  table(
    ['cores that decode for 8 GPUs', 'images as the network reads them', '500x375'],
    GPU_STEPS.map((step) => [
      step.name,
      Math.ceil(decodeCores(step, step.decode)),
      step.timeIs === 'least' ? Math.ceil(decodeCores(step, CONSTANTS.decode500.value)) : '-',
    ]),
  ),
  table(
    ['GPUs from which on', 'the batch is untried', 'host 0 has no time left', 'evaluations take half the time'],
    GPU_STEPS.map((step) => {
      const { batch, leader, evaluation } = limitsOf(step)
      return [step.name, Math.round(batch), Math.round(leader), Math.round(evaluation)]
    }),
  ),
  `ONE ResNet-18 on CPU hosts, ${HOST_BATCH} images a host\n\n${scaled(
    HOSTS.map((hosts) => stepOnHosts(hosts, HOST_BATCH)),
    'hosts',
  )}`,
  `ONE ResNet-18 on CPU hosts, ${GLOBAL_BATCH} images in all\n\n${scaled(
    HOSTS.map((hosts) => stepOnHosts(hosts, GLOBAL_BATCH / hosts)),
    'hosts',
  )}`,
]
console.log(parts.join('\n\n'))
