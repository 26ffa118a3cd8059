/** Writes StableHLO text, the language that XLA's plugins compile (openxla, stablehlo/docs/spec.md). */

/** Element types of the text. */
export type HloDType = 'f32' | 'bf16' | 'i32' | 'i8' | 'u8' | 'i1'

/** A value of the function that is being written: its name in the text and its type. */
export interface Hlo {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: HloDType
}

type Arithmetic = 'add' | 'subtract' | 'multiply' | 'divide' | 'maximum' | 'minimum'
type Unary = 'exponential' | 'log' | 'sqrt' | 'rsqrt' | 'negate' | 'logistic'
type Comparison = 'EQ' | 'GE' | 'GT' | 'LT'

/** Geometry of a convolution as the language has it. */
export interface HloConvolution {
  /** What the dimensions of both operands and of the result are, e.g. `[b, 0, 1, f]x[o, 0, 1, i]->[b, 0, 1, f]`. */
  readonly dimensions: string
  readonly stride?: number
  readonly dilateLeft?: number
  readonly dilateRight?: number
  /** Pixels before and behind, of height and of width; negative = cut off. */
  readonly padding: readonly [readonly [number, number], readonly [number, number]]
  readonly featureGroups?: number
  readonly batchGroups?: number
  /** Whether f32 operands are multiplied as they are; else GPUs may round them to TF32. */
  readonly fullPrecision?: boolean
}

/** Windows over height and width of [B, H, W, C]. */
export interface HloWindow {
  readonly kernel: number
  readonly stride: number
  /** Pixels before and behind, of height and of width. */
  readonly padding: readonly [readonly [number, number], readonly [number, number]]
}

/** Text of a type, e.g. `tensor<2x3xf32>`. */
export function hloType({ shape, dtype }: Pick<Hlo, 'shape' | 'dtype'>): string {
  return `tensor<${[...shape, dtype === 'u8' ? 'ui8' : dtype].join('x')}>`
}

/** A number as the text has it, e.g. `1.0e-5`; bits where it is not finite. */
export function hloNumber(value: number, dtype: HloDType): string {
  if (dtype === 'i32' || dtype === 'i8') return String(value)
  if (!Number.isFinite(value)) {
    if (value !== Number.NEGATIVE_INFINITY)
      throw new Error(`Expected a finite number or -infinity but received ${value}`)
    return dtype === 'f32' ? '0xFF800000' : '0xFF80'
  }
  const [mantissa = '', exponent = ''] = value.toExponential().split('e')
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${exponent}`
}

/** The body of one function: each method writes an operation and returns its result. */
export class HloFunction {
  readonly lines: string[] = []
  readonly #constants = new Map<string, Hlo>()
  #count = 0

  /** A number in a tensor of this shape. */
  constant(value: number, shape: readonly number[] = [], dtype: HloDType = 'f32'): Hlo {
    const text = `stablehlo.constant dense<${hloNumber(value, dtype)}> : ${hloType({ shape, dtype })}`
    const known = this.#constants.get(text)
    if (known !== undefined) return known
    const made = this.#define({ shape, dtype }, text)
    this.#constants.set(text, made)
    return made
  }

  convert(x: Hlo, dtype: HloDType): Hlo {
    if (x.dtype === dtype) return x
    const type = { shape: x.shape, dtype }
    return this.#define(type, `stablehlo.convert ${x.name} : (${hloType(x)}) -> ${hloType(type)}`)
  }

  /** Elementwise; a number stands for a tensor of it. */
  binary(op: Arithmetic, left: Hlo, right: Hlo | number): Hlo {
    const other = typeof right === 'number' ? this.constant(right, left.shape, left.dtype) : right
    return this.#define(left, `stablehlo.${op} ${left.name}, ${other.name} : ${hloType(left)}`)
  }

  unary(op: Unary, x: Hlo): Hlo {
    return this.#define(x, `stablehlo.${op} ${x.name} : ${hloType(x)}`)
  }

  compare(comparison: Comparison, left: Hlo, right: Hlo): Hlo {
    const kind = left.dtype === 'i32' || left.dtype === 'i8' ? 'SIGNED' : 'FLOAT'
    const type = { shape: left.shape, dtype: 'i1' } as const
    const types = `(${hloType(left)}, ${hloType(right)}) -> ${hloType(type)}`
    return this.#define(type, `stablehlo.compare ${comparison}, ${left.name}, ${right.name}, ${kind} : ${types}`)
  }

  /** Of two tensors of booleans. */
  logical(op: 'and' | 'or', left: Hlo, right: Hlo): Hlo {
    return this.#define(left, `stablehlo.${op} ${left.name}, ${right.name} : ${hloType(left)}`)
  }

  select(where: Hlo, yes: Hlo, no: Hlo): Hlo {
    return this.#define(
      yes,
      `stablehlo.select ${where.name}, ${yes.name}, ${no.name} : ${hloType(where)}, ${hloType(yes)}`,
    )
  }

  /** @param axes of the result, one an axis of x */
  broadcast(x: Hlo, shape: readonly number[], axes: readonly number[]): Hlo {
    const type = { shape, dtype: x.dtype }
    const text = `stablehlo.broadcast_in_dim ${x.name}, dims = [${axes.join(', ')}]`
    return this.#define(type, `${text} : (${hloType(x)}) -> ${hloType(type)}`)
  }

  reduce(op: 'add' | 'maximum', x: Hlo, axes: readonly number[]): Hlo {
    const initial = this.constant(op === 'add' ? 0 : Number.NEGATIVE_INFINITY, [], x.dtype)
    const type = { shape: x.shape.filter((_, axis) => !axes.includes(axis)), dtype: x.dtype }
    const text = `stablehlo.reduce(${x.name} init: ${initial.name}) applies stablehlo.${op} across dimensions = [${axes.join(', ')}]`
    return this.#define(type, `${text} : (${hloType(x)}, ${hloType(initial)}) -> ${hloType(type)}`)
  }

  /** Sums of two tensors of one type over the same axes, in one pass. */
  twoSums(first: Hlo, second: Hlo, axes: readonly number[]): [Hlo, Hlo] {
    const zero = this.constant(0, [], first.dtype)
    const type = { shape: first.shape.filter((_, axis) => !axes.includes(axis)), dtype: first.dtype }
    const [all, scalar, sum] = [hloType(first), hloType(zero), hloType(type)]
    const parameters = ['%a', '%b', '%c', '%d'].map((name) => `${name}: ${scalar}`).join(', ')
    const adds = `%p = stablehlo.add %a, %c : ${scalar} %q = stablehlo.add %b, %d : ${scalar}`
    const text =
      `"stablehlo.reduce"(${first.name}, ${second.name}, ${zero.name}, ${zero.name}) ` +
      `<{dimensions = array<i64: ${axes.join(', ')}>}> ({ ^bb0(${parameters}): ${adds} ` +
      `stablehlo.return %p, %q : ${scalar}, ${scalar} }) : (${all}, ${all}, ${scalar}, ${scalar}) -> (${sum}, ${sum})`
    const name = this.#name()
    this.lines.push(`${name}:2 = ${text}`)
    return [
      { name: `${name}#0`, ...type },
      { name: `${name}#1`, ...type },
    ]
  }

  /** Axis i of the result is axis `axes[i]` of x. */
  transpose(x: Hlo, axes: readonly number[]): Hlo {
    const type = { shape: axes.map((axis) => x.shape[axis] ?? 0), dtype: x.dtype }
    const text = `stablehlo.transpose ${x.name}, dims = [${axes.join(', ')}]`
    return this.#define(type, `${text} : (${hloType(x)}) -> ${hloType(type)}`)
  }

  reshape(x: Hlo, shape: readonly number[]): Hlo {
    const type = { shape, dtype: x.dtype }
    return this.#define(type, `stablehlo.reshape ${x.name} : (${hloType(x)}) -> ${hloType(type)}`)
  }

  reverse(x: Hlo, axes: readonly number[]): Hlo {
    return this.#define(x, `stablehlo.reverse ${x.name}, dims = [${axes.join(', ')}] : ${hloType(x)}`)
  }

  /** `size` elements from `start` on of one axis, all of the others. */
  slice(x: Hlo, axis: number, start: number, size: number): Hlo {
    const type = { shape: x.shape.map((all, place) => (place === axis ? size : all)), dtype: x.dtype }
    const ranges = x.shape.map((all, place) => (place === axis ? `${start}:${start + size}` : `0:${all}`))
    return this.#define(type, `stablehlo.slice ${x.name} [${ranges.join(', ')}] : (${hloType(x)}) -> ${hloType(type)}`)
  }

  concatenate(parts: readonly Hlo[], axis: number): Hlo {
    const [first] = parts
    if (first === undefined) throw new Error('Expected a part to concatenate but received none')
    if (parts.length === 1) return first
    const size = parts.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0)
    const type = { shape: first.shape.map((all, place) => (place === axis ? size : all)), dtype: first.dtype }
    const names = parts.map(({ name }) => name).join(', ')
    const types = `(${parts.map(hloType).join(', ')}) -> ${hloType(type)}`
    return this.#define(type, `stablehlo.concatenate ${names}, dim = ${axis} : ${types}`)
  }

  /** 0, 1, 2, ... along an axis. */
  iota(shape: readonly number[], axis: number): Hlo {
    const type = { shape, dtype: 'i32' } as const
    return this.#define(type, `stablehlo.iota dim = ${axis} : ${hloType(type)}`)
  }

  /** Pixels of [B, H, W, C]: `counts` of them in each direction, `stride` apart, from `starts` on. */
  everyNth(x: Hlo, starts: readonly [number, number], counts: readonly [number, number], stride: number): Hlo {
    const type = { shape: x.shape.map((size, axis) => counts[axis - 1] ?? size), dtype: x.dtype }
    const ranges = x.shape.map((size, axis) => {
      const [start, count] = [starts[axis - 1], counts[axis - 1]]
      if (start === undefined || count === undefined) return `0:${size}`
      return `${start}:${start + (count - 1) * stride + 1}:${stride}`
    })
    return this.#define(type, `stablehlo.slice ${x.name} [${ranges.join(', ')}] : (${hloType(x)}) -> ${hloType(type)}`)
  }

  /** The same, which XLA makes once and keeps, instead of making it again for each that reads it. */
  kept(x: Hlo): Hlo {
    return this.#define(x, `stablehlo.optimization_barrier ${x.name} : ${hloType(x)}`)
  }

  /**
   * The same in memory of the program's own. An argument lies elsewhere in each run, and in a CUDA graph each kernel that reads
   * it must be told so before the run (7 us each on the host of an H200); of a copy that is one kernel.
   */
  copied(x: Hlo): Hlo {
    // One element more, for XLA leaves out a copy that is nothing else.
    const [rows = 1, ...rest] = x.shape
    const longer = this.kept(this.concatenate([x, this.constant(0, [1, ...rest], x.dtype)], 0))
    return this.slice(longer, 0, 0, rows)
  }

  /** The same values, none of which is read before all are there. */
  together(values: readonly Hlo[]): Hlo[] {
    const results = values.map(({ shape, dtype }) => ({ name: this.#name(), shape, dtype }))
    const names = (list: readonly Hlo[]) => list.map(({ name }) => name).join(', ')
    this.lines.push(
      `${names(results)} = stablehlo.optimization_barrier ${names(values)} : ${values.map(hloType).join(', ')}`,
    )
    return results
  }

  /** Zeros, or another value, around height and width of [B, H, W, C] and between its pixels; negative numbers cut off. */
  pad(x: Hlo, padding: HloWindow['padding'], between: number, value = this.constant(0, [], x.dtype)): Hlo {
    const shape = x.shape.map((size, axis) => {
      const [before, behind] = padding[axis - 1] ?? [0, 0]
      return axis === 1 || axis === 2 ? before + size + (size - 1) * between + behind : size
    })
    const type = { shape, dtype: x.dtype }
    const [[top, bottom], [left, right]] = padding
    const text = `stablehlo.pad ${x.name}, ${value.name}, low = [0, ${top}, ${left}, 0], high = [0, ${bottom}, ${right}, 0]`
    const interior = `interior = [0, ${between}, ${between}, 0]`
    return this.#define(type, `${text}, ${interior} : (${hloType(x)}, ${hloType(value)}) -> ${hloType(type)}`)
  }

  /** Of two matrices in full f32. @param contract the axis of each that is summed over */
  dot(left: Hlo, right: Hlo, contract: readonly [number, number]): Hlo {
    const type = { shape: [left.shape[1 - contract[0]] ?? 0, right.shape[1 - contract[1]] ?? 0], dtype: left.dtype }
    const text = `stablehlo.dot_general ${left.name}, ${right.name}, contracting_dims = [${contract[0]}] x [${contract[1]}]`
    const types = `(${hloType(left)}, ${hloType(right)}) -> ${hloType(type)}`
    return this.#define(type, `${text}, precision = [HIGHEST, HIGHEST] : ${types}`)
  }

  /** @param shape of the result */
  convolution(
    left: Hlo,
    right: Hlo,
    shape: readonly number[],
    dtype: HloDType,
    { dimensions, stride = 1, dilateLeft = 1, dilateRight = 1, padding, ...groups }: HloConvolution,
  ): Hlo {
    const type = { shape, dtype }
    const square = (size: number) => `[${size}, ${size}]`
    const pad = `[${padding.map(([before, behind]) => `[${before}, ${behind}]`).join(', ')}]`
    const window =
      `{stride = ${square(stride)}, pad = ${pad}, ` +
      `lhs_dilate = ${square(dilateLeft)}, rhs_dilate = ${square(dilateRight)}}`
    const { featureGroups = 1, batchGroups = 1, fullPrecision = false } = groups
    const counts = `batch_group_count = ${batchGroups} : i64, feature_group_count = ${featureGroups} : i64`
    const highest = '#stablehlo<precision HIGHEST>'
    const attributes = fullPrecision ? `{${counts}, precision_config = [${highest}, ${highest}]}` : `{${counts}}`
    const text = `stablehlo.convolution(${left.name}, ${right.name}) dim_numbers = ${dimensions}, window = ${window} ${attributes}`
    return this.#define(type, `${text} : (${hloType(left)}, ${hloType(right)}) -> ${hloType(type)}`)
  }

  /** @param shape of the result */
  reduceWindow(op: 'add' | 'maximum', x: Hlo, shape: readonly number[], window: HloWindow): Hlo {
    const initial = this.constant(op === 'add' ? 0 : Number.NEGATIVE_INFINITY, [], x.dtype)
    const scalar = hloType(initial)
    const type = { shape, dtype: x.dtype }
    const text =
      `"stablehlo.reduce_window"(${x.name}, ${initial.name}) <{${windowText(window)}}> ({ ` +
      `^bb0(%p: ${scalar}, %q: ${scalar}): %m = stablehlo.${op} %p, %q : ${scalar} stablehlo.return %m : ${scalar} })`
    return this.#define(type, `${text} : (${hloType(x)}, ${scalar}) -> ${hloType(type)}`)
  }

  /** Adds each element of `source` to the place of the first of its window's largest elements of x. */
  scatterToLargest(x: Hlo, source: Hlo, window: HloWindow): Hlo {
    const zero = this.constant(0, [], x.dtype)
    const scalar = hloType(zero)
    const parameters = `^bb0(%p: ${scalar}, %q: ${scalar}):`
    const text =
      `"stablehlo.select_and_scatter"(${x.name}, ${source.name}, ${zero.name}) <{${windowText(window)}}> ({ ` +
      `${parameters} %c = stablehlo.compare GE, %p, %q, FLOAT : (${scalar}, ${scalar}) -> tensor<i1> ` +
      `stablehlo.return %c : tensor<i1> }, { ` +
      `${parameters} %s = stablehlo.add %p, %q : ${scalar} stablehlo.return %s : ${scalar} })`
    return this.#define(x, `${text} : (${hloType(x)}, ${hloType(source)}, ${scalar}) -> ${hloType(x)}`)
  }

  /** Elementwise sums over all replicas. */
  allReduce(x: Hlo, replicas: number): Hlo {
    const group = Array.from({ length: replicas }, (_, replica) => replica).join(', ')
    const scalar = hloType({ shape: [], dtype: x.dtype })
    const text =
      `"stablehlo.all_reduce"(${x.name}) <{replica_groups = dense<[[${group}]]> : tensor<1x${replicas}xi64>}> ({ ` +
      `^bb0(%x: ${scalar}, %y: ${scalar}): %s = stablehlo.add %x, %y : ${scalar} stablehlo.return %s : ${scalar} })`
    return this.#define(x, `${text} : (${hloType(x)}) -> ${hloType(x)}`)
  }

  #define({ shape, dtype }: Pick<Hlo, 'shape' | 'dtype'>, text: string): Hlo {
    const name = this.#name()
    this.lines.push(`${name} = ${text}`)
    return { name, shape, dtype }
  }

  #name(): string {
    return `%${this.#count++}`
  }
}

function windowText({ kernel, stride, padding }: HloWindow): string {
  const [[top, bottom], [left, right]] = padding
  return (
    `window_dimensions = array<i64: 1, ${kernel}, ${kernel}, 1>, window_strides = array<i64: 1, ${stride}, ${stride}, 1>, ` +
    `padding = dense<[[0, 0], [${top}, ${bottom}], [${left}, ${right}], [0, 0]]> : tensor<4x2xi64>`
  )
}
