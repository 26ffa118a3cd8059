/** Reads what XLA made of a program for a GPU: its kernels with the bytes that each moves, and what the host launches. */
import {
  bodyOf,
  bytesOf,
  elementOf,
  elementsOf,
  entryOf,
  type Instruction,
  readComputations,
  readInstruction,
  readOperands,
  tupleIndex,
} from './hlo-text.ts'

export const KERNEL_KINDS = [
  'convolution',
  'matrix product',
  'reduction',
  'elementwise',
  'copy',
  'collective',
  'other',
] as const
export type KernelKind = (typeof KERNEL_KINDS)[number]

/** An instruction of the entry computation: a kernel of XLA's, or a call of a library, which may launch several. */
export interface Kernel {
  readonly name: string
  readonly kind: KernelKind
  /** Its operands, or the slices that it cuts out of them, and what it makes; memory that a library works in is left out. */
  readonly bytesRead: number
  readonly bytesWritten: number
}

/** They move nothing: names of memory, or the end of what another began. */
export const NO_KERNEL = /^(parameter|constant|tuple|get-tuple-element|bitcast|after-all|.*-done)$/
const COLLECTIVE = /\b(all-reduce|all-gather|reduce-scatter|all-to-all|collective-)/

/**
 * @param text a scheduled module of XLA's GPU compiler, after its optimisations
 * @throws Error where it has no entry computation or an operand that nothing made
 */
export function readKernels(text: string): Kernel[] {
  const computations = readComputations(text)
  const types = new Map<string, string>()
  return entryOf(computations).flatMap((line) => {
    const instruction = readInstruction(line)
    if (instruction === null) return []
    const { name, type, op } = instruction
    const read = readOperands(instruction, types, elementOf)
    if (op === 'get-tuple-element') types.set(name, elementOf(read[0] ?? '', tupleIndex(instruction)))
    else types.set(name, type)
    if (NO_KERNEL.test(op)) return []
    const body = bodyOf(computations, instruction)
    const slices = slicesOf(body)
    const bytesRead = read.reduce((sum, operand, place) => sum + (slices.get(place) ?? bytesOf(operand)), 0)
    return [{ name, kind: kindOf(instruction, body), bytesRead, bytesWritten: bytesWritten(instruction) }]
  })
}

/** A sum over replicas. */
export interface Exchange {
  readonly bytes: number
  /** Kernels that are launched between its beginning and the wait for its end; 0 = the device does nothing meanwhile. */
  readonly kernelsBeside: number
}

/** @param text as `readKernels` takes it @throws Error where it has no entry computation */
export function readExchanges(text: string): Exchange[] {
  const computations = readComputations(text)
  const exchanges: { bytes: number; kernelsBeside: number }[] = []
  const begun = new Map<string, { readonly exchange: number; readonly kernels: number }>()
  let kernels = 0
  for (const instruction of entryOf(computations).flatMap((line) => readInstruction(line) ?? [])) {
    const { name, type, op, operands } = instruction
    const begin = op.endsWith('-done') ? begun.get(operands.replace('%', '')) : undefined
    const exchange = exchanges[begin?.exchange ?? -1]
    if (begin !== undefined && exchange !== undefined) exchange.kernelsBeside = kernels - begin.kernels
    if (NO_KERNEL.test(op)) continue
    if (isExchange(instruction, computations)) {
      begun.set(name, { exchange: exchanges.length, kernels })
      exchanges.push({ bytes: bytesOf(elementsOf(type).at(-1) ?? ''), kernelsBeside: 0 })
    } else kernels++
  }
  return exchanges
}

/** Whether it begins, or is, a sum over replicas. @param computations of its module */
export function isExchange(instruction: Instruction, computations: ReadonlyMap<string, string[]>): boolean {
  return !NO_KERNEL.test(instruction.op) && kindOf(instruction, bodyOf(computations, instruction)) === 'collective'
}

/** Bytes of all slices of a parameter, by its number, where a fusion's computation does nothing else with it. */
function slicesOf(body: readonly string[]): Map<number, number> {
  const instructions = body.flatMap((line) => readInstruction(line) ?? [])
  const parameters = new Map<string, { place: number; bytes: number }>()
  for (const { name, op, operands } of instructions) {
    if (op === 'parameter') parameters.set(name, { place: Number(operands), bytes: 0 })
  }
  for (const { op, type, operands } of instructions) {
    if (op === 'parameter') continue
    for (const [, operand = ''] of operands.matchAll(/%([\w.-]+)/g)) {
      const parameter = parameters.get(operand)
      if (parameter === undefined) continue
      if (op === 'slice') parameter.bytes += bytesOf(type)
      else parameters.delete(operand)
    }
  }
  return new Map([...parameters.values()].filter(({ bytes }) => bytes > 0).map(({ place, bytes }) => [place, bytes]))
}

/** A library's call gives its working memory as the last element of a tuple, bytes without a use. */
function bytesWritten({ op, type }: Instruction): number {
  const elements = elementsOf(type)
  const scratch = op === 'custom-call' && elements.length > 1 && /^[su]8\[/.test(elements.at(-1) ?? '')
  return (scratch ? elements.slice(0, -1) : elements).reduce((sum, element) => sum + bytesOf(element), 0)
}

function kindOf({ op, attributes }: Instruction, lines: readonly string[]): KernelKind {
  const body = lines.join('\n')
  if (COLLECTIVE.test(op) || (op.startsWith('async-') && COLLECTIVE.test(body))) return 'collective'
  if (op === 'custom-call') {
    const target = /custom_call_target="([^"]*)"/.exec(attributes)?.[1] ?? ''
    if (target.startsWith('__cudnn$conv')) return 'convolution'
    return target.startsWith('__cublas$') ? 'matrix product' : 'other'
  }
  if (op === 'copy' || op === 'copy-start' || op === 'transpose') return 'copy'
  if (op === 'reduce' || op === 'reduce-window') return 'reduction'
  if (op === 'convolution') return 'convolution'
  if (op !== 'fusion') return 'other'
  if (/ convolution\(/.test(body)) return 'convolution'
  if (/ dot\(/.test(body)) return 'matrix product'
  if (/ (reduce|reduce-window|select-and-scatter)\(/.test(body)) return 'reduction'
  // Those that go through shared memory; a transpose that only says how elements are read is none.
  if (/kind=kInput/.test(attributes) && / transpose\(/.test(body)) return 'copy'
  return 'elementwise'
}

/** What the host launches for a run: a CUDA graph is one launch, whatever lies in it. */
export interface Launches {
  readonly launches: number
  readonly graphs: number
}

/** Of those, what launches nothing: waits. */
const WAITS = /^k(\w*Done|WaitForStreams)$/

/** @param text the plugin's list, a line a launch; lines that are indented lie in a graph */
export function readLaunches(text: string): Launches {
  const kinds = [...text.matchAll(/^\d+: (k\w+)/gm)].map(([, kind = '']) => kind).filter((kind) => !WAITS.test(kind))
  return { launches: kinds.length, graphs: kinds.filter((kind) => kind === 'kCommandBuffer').length }
}
