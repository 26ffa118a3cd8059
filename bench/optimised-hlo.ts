/** Reads what XLA made of a program for a GPU: its kernels with the bytes that each moves, and what the host launches. */

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

interface Instruction {
  readonly name: string
  /** Text of the result's type; a tuple in parentheses. */
  readonly type: string
  readonly op: string
  readonly operands: string
  /** What stands behind the operands. */
  readonly attributes: string
}

/** They move nothing: names of memory, or the end of what another began. */
const NO_KERNEL = /^(parameter|constant|tuple|get-tuple-element|bitcast|after-all|.*-done)$/
const COLLECTIVE = /\b(all-reduce|all-gather|reduce-scatter|all-to-all|collective-)/

/**
 * @param text a scheduled module of XLA's GPU compiler, after its optimisations
 * @throws Error where it has no entry computation or an operand that nothing made
 */
export function readKernels(text: string): Kernel[] {
  const computations = readComputations(text)
  const types = new Map<string, string>()
  const typeOf = (operand: string): string => {
    // %name#1 is element 1 of a tuple.
    const [name = '', place] = operand.split('#')
    const type = types.get(name)
    if (type === undefined) throw new Error(`Expected an instruction %${name} before it is read`)
    return place === undefined ? type : elementOf(type, Number(place))
  }
  return entryOf(computations).flatMap((line) => {
    const instruction = readInstruction(line)
    if (instruction === null) return []
    const { name, type, op, operands, attributes } = instruction
    const read = [...operands.matchAll(/%([\w.-]+(?:#\d+)?)/g)].map(([, operand = '']) => typeOf(operand))
    if (op === 'get-tuple-element') {
      types.set(name, elementOf(read[0] ?? '', Number(/index=(\d+)/.exec(attributes)?.[1])))
    } else types.set(name, type)
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
    if (kindOf(instruction, bodyOf(computations, instruction)) === 'collective') {
      begun.set(name, { exchange: exchanges.length, kernels })
      exchanges.push({ bytes: bytesOf(elementsOf(type).at(-1) ?? ''), kernelsBeside: 0 })
    } else kernels++
  }
  return exchanges
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

/** Lines of each computation by its name; of the entry computation by `ENTRY`. */
function readComputations(text: string): Map<string, string[]> {
  const computations = new Map<string, string[]>()
  let lines: string[] | null = null
  for (const line of text.split('\n')) {
    const head = /^(?:(ENTRY) )?%?([\w.-]+) .*\{$/.exec(line)
    if (head !== null) {
      lines = []
      computations.set(head[1] ?? head[2] ?? '', lines)
    } else if (line.startsWith('}')) lines = null
    else lines?.push(line)
  }
  return computations
}

/** @throws Error where there is none */
function entryOf(computations: ReadonlyMap<string, string[]>): string[] {
  const entry = computations.get('ENTRY')
  if (entry === undefined) throw new Error('Expected an entry computation in the text of the module')
  return entry
}

/** Lines of the computation that an instruction calls. */
function bodyOf(computations: ReadonlyMap<string, string[]>, { attributes }: Instruction): string[] {
  return computations.get(/calls=%?([\w.-]+)/.exec(attributes)?.[1] ?? '') ?? []
}

/** `  ROOT %name = type op(operands), attributes`; null for a line that is none. */
function readInstruction(line: string): Instruction | null {
  const head = /^\s+(?:ROOT )?%([\w.-]+) = /.exec(line)
  if (head === null) return null
  const rest = line.slice(head[0].length)
  const typeEnd = rest.startsWith('(') ? closingParenthesis(rest, 0) + 1 : rest.indexOf(' ')
  const call = /^ ([\w-]+)\(/.exec(rest.slice(typeEnd))
  if (call === null) return null
  const open = typeEnd + call[0].length - 1
  const close = closingParenthesis(rest, open)
  return {
    name: head[1] ?? '',
    type: rest.slice(0, typeEnd),
    op: call[1] ?? '',
    operands: rest.slice(open + 1, close),
    attributes: rest.slice(close + 1),
  }
}

function closingParenthesis(text: string, open: number): number {
  let depth = 0
  for (let place = open; place < text.length; place++) {
    if (text[place] === '(') depth++
    if (text[place] === ')' && --depth === 0) return place
  }
  throw new Error(`Expected a closing parenthesis in ${text.slice(0, 80)}`)
}

/** Types of a tuple's elements; of anything else itself. */
function elementsOf(type: string): string[] {
  if (!type.startsWith('(')) return [type]
  const elements: string[] = []
  let [depth, begin] = [0, 1]
  for (let place = 1; place < type.length - 1; place++) {
    const letter = type[place] ?? ''
    if ('([{'.includes(letter)) depth++
    if (')]}'.includes(letter)) depth--
    if (letter === ',' && depth === 0) {
      elements.push(type.slice(begin, place))
      begin = place + 1
    }
  }
  return [...elements, type.slice(begin, -1)].map((element) => element.replaceAll(/\/\*.*?\*\//g, '').trim())
}

function elementOf(type: string, place: number): string {
  const element = elementsOf(type)[place]
  if (element === undefined) throw new Error(`Expected an element ${place} of ${type.slice(0, 80)}`)
  return element
}

/** Bytes of all arrays in a type. */
function bytesOf(type: string): number {
  return [...type.matchAll(/\b(pred|(?:bf|[sufc])(\d+)\w*)\[([\d,]*)\]/g)].reduce(
    (sum, [, dtype, bits, sizes = '']) => {
      const elements = sizes === '' ? 1 : sizes.split(',').reduce((product, size) => product * Number(size), 1)
      return sum + elements * (dtype === 'pred' ? 1 : Number(bits) / 8)
    },
    0,
  )
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
