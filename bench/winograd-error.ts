/**
 * Rounding error of Winograd's F(4x4, 3x3) in f32 for several interpolation points, beside a direct convolution in f32:
 * `node dist/bench/winograd-error.js`. All sums of 64 channels of normal inputs (rectified) and He-drawn filters, against
 * the same in f64. docs/convolutions.md quotes its output; native/engine/kernels/convolution/winograd_transforms.hpp uses the best.
 */
import { randomStream } from '../src/vocabulary/random.ts'

const CHANNELS = 64
const TILES = 400
const POINTS: readonly (readonly [number, number])[] = [
  [1, 2],
  [0.5, 1],
  [0.5, 1.5],
  [0.625, 1.5],
  [2 / 3, 1.5],
  [Math.SQRT1_2, Math.SQRT2],
  [0.75, 1.5],
]

type Matrix = readonly (readonly number[])[]
type Rounding = (value: number) => number

/** B^T, G and A^T of the points 0, +-a, +-b and infinity (Cook and Toom's construction). */
function transforms(a: number, b: number): { input: Matrix; filter: Matrix; output: Matrix } {
  const [a2, b2] = [a * a, b * b]
  const [atZero, atA, atB] = [1 / (a2 * b2), 1 / (2 * a2 * (a2 - b2)), 1 / (2 * b2 * (b2 - a2))]
  return {
    input: [
      [a2 * b2, 0, -(a2 + b2), 0, 1, 0],
      [0, -a * b2, -b2, a, 1, 0],
      [0, a * b2, -b2, -a, 1, 0],
      [0, -b * a2, -a2, b, 1, 0],
      [0, b * a2, -a2, -b, 1, 0],
      [0, a2 * b2, 0, -(a2 + b2), 0, 1],
    ],
    filter: [
      [atZero, 0, 0],
      [atA, a * atA, a2 * atA],
      [atA, -a * atA, a2 * atA],
      [atB, b * atB, b2 * atB],
      [atB, -b * atB, b2 * atB],
      [0, 0, 1],
    ],
    output: [
      [1, 1, 1, 1, 1, 0],
      [0, a, -a, b, -b, 0],
      [0, a2, a2, b2, b2, 0],
      [0, a * a2, -a * a2, b * b2, -b * b2, 1],
    ],
  }
}

function product(left: Matrix, right: Matrix, round: Rounding): number[][] {
  return left.map((row) =>
    (right[0] ?? []).map((_, column) =>
      row.reduce((sum, factor, k) => round(sum + round(factor) * (right[k]?.[column] ?? 0)), 0),
    ),
  )
}

const transposed = (matrix: Matrix): number[][] =>
  (matrix[0] ?? []).map((_, column) => matrix.map((row) => row[column] ?? 0))

function sandwich(matrix: Matrix, tile: Matrix, round: Rounding): number[][] {
  return product(product(matrix, tile, round), transposed(matrix), round)
}

interface Tile {
  readonly inputs: readonly Matrix[]
  readonly filters: readonly Matrix[]
}

function drawTile(index: number): Tile {
  const stream = randomStream(1, 'perturbation', index)
  const draw = (size: number, value: () => number) =>
    Array.from({ length: size }, () => Array.from({ length: size }, () => Math.fround(value())))
  const std = Math.sqrt(2 / (9 * CHANNELS))
  const each = <T>(make: () => T) => Array.from({ length: CHANNELS }, make)
  return {
    inputs: each(() => draw(6, () => Math.max(0, stream.normal()))),
    filters: each(() => draw(3, () => std * stream.normal())),
  }
}

function direct({ inputs, filters }: Tile, round: Rounding): number[] {
  return Array.from({ length: 16 }, (_, place) => {
    const [row, column] = [Math.floor(place / 4), place % 4]
    let sum = 0
    inputs.forEach((input, channel) => {
      for (let tap = 0; tap < 9; tap++) {
        const [y, x] = [Math.floor(tap / 3), tap % 3]
        sum = round(sum + (input[row + y]?.[column + x] ?? 0) * (filters[channel]?.[y]?.[x] ?? 0))
      }
    })
    return sum
  })
}

function winograd({ inputs, filters }: Tile, points: readonly [number, number], round: Rounding): number[] {
  const { input, filter, output } = transforms(...points)
  const sums = Array.from({ length: 6 }, () => new Array<number>(6).fill(0))
  inputs.forEach((tile, channel) => {
    const v = sandwich(input, tile, round)
    const u = sandwich(filter, filters[channel] ?? [], round)
    sums.forEach((line, row) => {
      line.forEach((sum, column) => {
        line[column] = round(sum + (v[row]?.[column] ?? 0) * (u[row]?.[column] ?? 0))
      })
    })
  })
  return sandwich(output, sums, round).flat()
}

/** Root mean square and largest error, relative to the root mean square of the exact values. */
function errors(exact: readonly number[], got: readonly number[]): { rms: number; largest: number } {
  const scale = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0) / exact.length)
  const differences = exact.map((value, place) => Math.abs(value - (got[place] ?? Number.NaN)) / scale)
  const rms = Math.sqrt(differences.reduce((sum, error) => sum + error * error, 0) / differences.length)
  return { rms, largest: Math.max(...differences) }
}

const tiles = Array.from({ length: TILES }, (_, index) => drawTile(index))
const exact = tiles.flatMap((tile) => direct(tile, (value) => value))
const report = (name: string, { rms, largest }: { rms: number; largest: number }) =>
  process.stdout.write(`${name.padEnd(28)} rms ${rms.toExponential(2)}  largest ${largest.toExponential(2)}\n`)
report(
  'direct',
  errors(
    exact,
    tiles.flatMap((tile) => direct(tile, Math.fround)),
  ),
)
for (const points of POINTS) {
  const got = tiles.flatMap((tile) => winograd(tile, points, Math.fround))
  report(`winograd 0, ±${points[0].toFixed(3)}, ±${points[1].toFixed(3)}, ∞`, errors(exact, got))
}
