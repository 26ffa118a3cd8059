import t from 'tap'
import { longestChain } from '../../bench/kernel-chain.ts'

/** A module of these instructions, and where its values lie: `name{place}`, allocation, first byte, bytes. */
function moduleOf(instructions: readonly string[], values: readonly (readonly [string, number, number, number])[]) {
  const text = ['HloModule step', '', 'ENTRY %main (x: f32[4]) -> f32[4] {', ...instructions, '}'].join('\n')
  const buffers = values.map(([name, allocation, offset, bytes]) =>
    [
      `allocation ${allocation}: size 4096, preallocated-temp:`,
      ` value: <7 ${name} @0> (size=${bytes},offset=${offset}): f32[4]{0}`,
    ].join('\n'),
  )
  return [text, ['BufferAssignment:', ...buffers].join('\n')] as const
}

const X = ['  %x = f32[4]{0} parameter(0)'] as const
const SUM = '  ROOT %sum = f32[4]{0} add(%one, %two)'

t.test('a kernel waits for what it reads, and not for what it does not need', (t) => {
  const instructions = [...X, '  %one = f32[4]{0} negate(%x)', '  %two = f32[4]{0} copy(%x)', SUM]
  const apart = [
    ['x{}', 0, 0, 16],
    ['one{}', 1, 0, 16],
    ['two{}', 1, 16, 16],
    ['sum{}', 2, 0, 16],
  ] as const
  t.equal(longestChain(...moduleOf(instructions, apart)), 2)
  t.end()
})

t.test('and until what it overwrites was read or written', (t) => {
  const late = ['  %late = f32[4]{0} negate(%x)', '  ROOT %last = f32[4]{0} copy(%late)']
  const instructions = [...X, '  %one = f32[4]{0} negate(%x)', '  %two = f32[4]{0} copy(%one)', ...late]
  const placed = (place: number) =>
    [
      ['x{}', 0, 0, 16],
      ['one{}', 1, 0, 16],
      ['two{}', 1, 16, 16],
      ['late{}', 1, place, 16],
      ['last{}', 2, 0, 16],
    ] as const
  t.equal(longestChain(...moduleOf(instructions, placed(32))), 2, 'in memory of its own')
  t.equal(longestChain(...moduleOf(instructions, placed(24))), 4, 'over half of what the second made')
  t.equal(longestChain(...moduleOf(instructions, placed(8))), 4, 'over what the second reads')
  t.end()
})

t.test('parts of tuples are told apart', (t) => {
  const instructions = [
    ...X,
    '  %both = ((f32[4]{0}, f32[4]{0}), f32[4]{0}) fusion(%x), kind=kLoop, calls=%made',
    '  %inner = (f32[4]{0}, f32[4]{0}) get-tuple-element(%both), index=0',
    '  %flat = f32[4]{0} bitcast(%inner#1)',
    '  %one = f32[4]{0} negate(%flat)',
    '  %pair = (f32[4]{0}, f32[4]{0}) tuple(%one, %both#1)',
    '  %two = f32[4]{0} copy(%both#0#0)',
    '  ROOT %end = f32[4]{0} copy(%pair#0)',
  ]
  const placed = (two: number) =>
    [
      ['x{}', 0, 0, 16],
      ['both{0,0}', 1, 0, 16],
      ['both{0,1}', 1, 16, 16],
      ['both{1}', 1, 32, 16],
      ['one{}', 1, 48, 16],
      ['two{}', 1, two, 16],
      ['end{}', 2, 0, 16],
    ] as const
  t.equal(longestChain(...moduleOf(instructions, placed(64))), 3)
  // The copy is made where what `one` reads lay, after that was read.
  t.equal(longestChain(...moduleOf(instructions, placed(16))), 3)
  // The copy overwrites what the last kernel reads.
  t.equal(longestChain(...moduleOf(instructions, placed(48))), 4)
  t.end()
})

t.test('all that follows a sum over replicas waits for what came before', (t) => {
  const instructions = [
    ...X,
    '  %one = f32[4]{0} negate(%x)',
    '  %begun = f32[4]{0} all-reduce-start(%one), to_apply=%add',
    '  %two = f32[4]{0} copy(%x)',
    '  ROOT %end = f32[4]{0} all-reduce-done(%begun)',
  ]
  const values = [
    ['x{}', 0, 0, 16],
    ['one{}', 1, 0, 16],
    ['begun{}', 1, 16, 16],
    ['two{}', 1, 32, 16],
  ] as const
  t.equal(longestChain(...moduleOf(instructions, values)), 2)
  t.throws(() => longestChain(...moduleOf([SUM], [])), { message: /an instruction %one before it is read/ })
  t.end()
})
