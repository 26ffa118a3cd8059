import t from 'tap'
import { bare, fitsNames, inOrder, nameValues, pickValues } from '../../src/engine/graph/ops/operand-names.ts'
import { OPS } from '../../src/engine/graph/ops.ts'

t.test('operands are found by name, and a missing one is an error', (t) => {
  const names: ['x', 'scale', 'residual?'] = ['x', 'scale', 'residual?']
  const whole = nameValues(names, [7, 8, 9], 'BatchNorm of layer bn1')
  t.same([whole.input('x'), whole.input('scale'), whole.has('residual'), whole.input('residual')], [7, 8, true, 9])
  const without = nameValues(names, [7, 8], 'BatchNorm of layer bn1')
  t.equal(without.has('residual'), false)
  t.throws(
    () => without.input('residual'),
    new Error('Expected residual of BatchNorm of layer bn1 but received 2 operands'),
  )
  t.end()
})

t.test('a list takes all that is left', (t) => {
  const names: ['gate', '...logits'] = ['gate', '...logits']
  t.same(nameValues(names, [1, 2, 3], 'GatedSum').list('logits'), [2, 3])
  t.same(nameValues(names, [1], 'GatedSum').list('logits'), [])
  t.same(pickValues(names, [1, 2, 3], ['logits', 'gate']), [2, 3, 1])
  t.same(inOrder(names, { logits: [20, null] }, 3), [null, 20, null])
  t.end()
})

t.test('how many operands the names allow', (t) => {
  const fits = (names: readonly string[]) => [0, 1, 2, 3].filter((count) => fitsNames(names, count))
  t.same(fits(['x']), [1])
  t.same(fits(['x', 'bias?']), [1, 2])
  t.same(fits(['gate', '...logits']), [1, 2, 3])
  t.same(fits([]), [0])
  t.end()
})

t.test('every op gives each operand and each result a name of its own, in an order that can be read', (t) => {
  for (const [op, { inputs, outputs }] of Object.entries(OPS)) {
    for (const names of [inputs, outputs]) {
      const own = names.map(bare)
      t.equal(new Set(own).size, own.length, `${op}: ${names.join(', ')}`)
      const kinds = names.map((name) => (name.startsWith('...') ? 2 : name.endsWith('?') ? 1 : 0))
      t.same(kinds, kinds.toSorted(), `${op}: what may be left out comes last`)
      t.ok(kinds.filter((kind) => kind === 2).length <= 1, `${op}: one list at most`)
    }
  }
  t.end()
})
