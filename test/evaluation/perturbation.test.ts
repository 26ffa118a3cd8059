import t from 'tap'
import { drawDirection, moveAlong } from '../../src/studies/perturbation.ts'

const LENGTHS = [432, 16, 1, 1551]
const flat = (parts: readonly Float32Array[]) => parts.flatMap((part) => [...part])
const dot = (left: readonly number[], right: readonly number[]) =>
  left.reduce((sum, value, place) => sum + value * (right[place] ?? Number.NaN), 0)

t.test('directions have unit length over all tensors together, and no preferred way', async (t) => {
  const directions = [0, 1, 2, 3, 4].map((index) => flat(drawDirection(LENGTHS, 1, index)))
  const size = 2000
  for (const [place, direction] of directions.entries()) {
    t.equal(direction.length, size)
    t.ok(Math.abs(dot(direction, direction) - 1) < 1e-5)
    const mean = direction.reduce((sum, value) => sum + value, 0) / size
    // Of unit length: each element has a standard deviation of 1 / sqrt(size), their mean one of 1 / size.
    t.ok(Math.abs(mean) < 4 / size, `${mean}`)
    for (const other of directions.slice(place + 1)) t.ok(Math.abs(dot(direction, other)) < 4 / Math.sqrt(size))
  }
})

t.test('a direction depends on its seed and number alone', async (t) => {
  t.same(drawDirection(LENGTHS, 3, 2), drawDirection(LENGTHS, 3, 2))
  t.notSame(drawDirection(LENGTHS, 3, 2), drawDirection(LENGTHS, 4, 2))
  t.notSame(drawDirection(LENGTHS, 3, 2), drawDirection(LENGTHS, 3, 1))
})

t.test('a move is theta + d v', async (t) => {
  const target = [new Float32Array(2), new Float32Array(1)]
  moveAlong(target, [Float32Array.of(1, 2), Float32Array.of(3)], [Float32Array.of(0.5, -1), Float32Array.of(0)], 4)
  t.same(target, [Float32Array.of(3, -2), Float32Array.of(3)])
  t.throws(() => moveAlong(target, [Float32Array.of(1, 2)], [Float32Array.of(0.5, -1)], 4), /1 elements for tensor 1/)
})
