/** Reads the text of an XLA module: its computations, instructions and their types. */

/** A line of a computation. */
export interface Instruction {
  readonly name: string
  /** Text of the result's type; a tuple in parentheses. */
  readonly type: string
  readonly op: string
  readonly operands: string
  /** What stands behind the operands. */
  readonly attributes: string
}

/** Lines of each computation by its name; of the entry computation by `ENTRY`. */
export function readComputations(text: string): Map<string, string[]> {
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
export function entryOf(computations: ReadonlyMap<string, string[]>): string[] {
  const entry = computations.get('ENTRY')
  if (entry === undefined) throw new Error('Expected an entry computation in the text of the module')
  return entry
}

/** Lines of the computation that an instruction calls. */
export function bodyOf(computations: ReadonlyMap<string, string[]>, { attributes }: Instruction): string[] {
  return computations.get(/calls=%?([\w.-]+)/.exec(attributes)?.[1] ?? '') ?? []
}

/** `  ROOT %name = type op(operands), attributes`; null for a line that is none. */
export function readInstruction(line: string): Instruction | null {
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

/**
 * What is known of each operand of an instruction.
 * @param known of the instructions before it, by their names
 * @param elementOf what is known of an element of a tuple
 * @throws Error where nothing is known of an operand
 */
export function readOperands<T>(
  { operands }: Instruction,
  known: ReadonlyMap<string, T>,
  elementOf: (whole: T, place: number) => T,
): T[] {
  return [...operands.matchAll(/%([\w.-]+)((?:#\d+)*)/g)].map(([, name = '', places = '']) => {
    const whole = known.get(name)
    if (whole === undefined) throw new Error(`Expected an instruction %${name} before it is read`)
    // %name#1#0 is element 0 of element 1 of a tuple.
    return places.split('#').slice(1).map(Number).reduce(elementOf, whole)
  })
}

/** Which element of its operand a get-tuple-element is. */
export function tupleIndex({ attributes }: Instruction): number {
  return Number(/index=(\d+)/.exec(attributes)?.[1])
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
export function elementsOf(type: string): string[] {
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

/** @throws Error where the tuple has no such element */
export function elementOf(type: string, place: number): string {
  const element = elementsOf(type)[place]
  if (element === undefined) throw new Error(`Expected an element ${place} of ${type.slice(0, 80)}`)
  return element
}

/** Bytes of all arrays in a type. */
export function bytesOf(type: string): number {
  return [...type.matchAll(/\b(pred|(?:bf|[sufc])(\d+)\w*)\[([\d,]*)\]/g)].reduce(
    (sum, [, dtype, bits, sizes = '']) => {
      const elements = sizes === '' ? 1 : sizes.split(',').reduce((product, size) => product * Number(size), 1)
      return sum + elements * (dtype === 'pred' ? 1 : Number(bits) / 8)
    },
    0,
  )
}
