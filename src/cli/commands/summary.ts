import { makeConfig } from '../../config/make-config.ts'
import { describeForSummary } from '../../data/datasets/describe-dataset.ts'
import { METHODS } from '../../engine/methods/registry.ts'
import { printBytes } from '../../vocabulary/print-bytes.ts'
import { printShape } from '../../vocabulary/shape.ts'
import { EXIT } from '../failure.ts'
import { givenSettings } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { textTable } from '../text-table.ts'

/** `summary <network>`. */
export async function summaryCommand({ operands, options, faults }: Invocation): Promise<number> {
  const given = await makeConfig(null, { ...givenSettings(options), network: operands[0] }, faults)
  const { resolveTeacher } = await import('../../train/run/teacher.ts')
  const config = await resolveTeacher(given)
  const { summarise } = await import('../../studies/summary.ts')
  const summary = summarise(config, await describeForSummary(config))
  if (options['json'] === true) {
    process.stdout.write(`${JSON.stringify(summary)}\n`)
    return EXIT.done
  }
  const layers = summary.layers.map(({ name, operation, output, parameters, flops }) => [
    name,
    operation,
    printShape(output),
    String(parameters),
    String(flops),
  ])
  const { members } = METHODS[config.method]
  const totals = [
    [`deployed (${members.deployed})`, String(summary.deployed.parameters), String(summary.deployed.flops)],
    [
      members.trained === null ? 'trained' : `trained (${members.trained})`,
      String(summary.trained.parameters),
      String(summary.trained.flops),
    ],
    ...(summary.ensemble === null
      ? []
      : [['deployed as an ensemble', String(summary.ensemble.parameters), String(summary.ensemble.flops)]]),
  ]
  const memory = summary.memory.map(({ name, bytes }) => [name, printBytes(bytes)])
  process.stdout.write(
    `${textTable(['layer', 'operation', 'output', 'parameters', 'FLOPs'], layers)}\n\n` +
      `${textTable(['', 'parameters', 'FLOPs'], totals)}\n\n` +
      `${textTable([`memory of a step of ${config.batch} images, ${config.precision}`, ''], memory)}\n`,
  )
  return EXIT.done
}
