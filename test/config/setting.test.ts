import t from 'tap'
import { DEFAULTS, describeDefault, WITHOUT_METHOD } from '../../src/config/defaults.ts'
import { OPTION_KEYS, settingOf } from '../../src/config/option-table.ts'
import { setting } from '../../src/config/setting.ts'
import { number, oneOf, orNull, PATH, wholeNumber } from '../../src/config/values.ts'

/** Parts that every row has. */
const ROW = { flag: '--x', value: '<x>', help: 'x', report: 'none' } as const

t.test('the type of a row is checked against what the setting may be', (t) => {
  const values = oneOf(['on', 'off'])
  t.equal(setting(values, { ...ROW, default: 'on' }).default, 'on')
  // @ts-expect-error: no value of the setting
  setting(values, { ...ROW, default: 'maybe' })
  // @ts-expect-error: a misspelt part
  setting(values, { ...ROW, default: 'on', hots: 'own' })
  // @ts-expect-error: null only where it may be
  setting(PATH, { ...ROW, default: null })
  t.end()
})

t.test('the check of a setting and its words are one', (t) => {
  const cases = [
    [number({ above: 0 }), 'a number above 0', [0.1, 1e9], [0, -1, Number.POSITIVE_INFINITY, Number.NaN, '1', null]],
    [number({ above: 0, to: 1 }), 'a number above 0 and at most 1', [0.1, 1], [0, 1.1]],
    [number({ from: 0, to: 1 }), 'a number from 0 to 1', [0, 1], [-0.1, 1.1]],
    [number({ from: 0, below: 1 }), 'a number from 0 and below 1', [0, 0.99], [-0.1, 1]],
    [wholeNumber({ from: 1 }), 'a whole number from 1', [1, 2 ** 40], [0, 1.5, 2 ** 60, '1']],
    [wholeNumber({ from: 2, to: 4 }), 'a whole number from 2 to 4', [2, 4], [1, 5]],
    [oneOf(['a', 'b', 'c']), 'a, b or c', ['a', 'c'], ['d', '', null, 1]],
    [PATH, 'a path', ['a'], ['', null, 1]],
    [orNull(PATH), 'a path', ['a', null], ['', undefined]],
  ] as const
  for (const [{ expects, accepts }, words, good, bad] of cases) {
    t.equal(expects, words)
    for (const value of good) t.ok(accepts(value), `${words}: ${value}`)
    for (const value of bad) t.notOk(accepts(value), `${words}: not ${value}`)
  }
  t.end()
})

t.test('every row says where its value comes from, and only values that it may be', (t) => {
  const flags = new Set<string>()
  for (const key of OPTION_KEYS) {
    const row = settingOf(key)
    flags.add(row.flag)
    const { values, byMethod, derived } = row
    const sources = [Object.hasOwn(row, 'default'), byMethod !== undefined, derived !== undefined]
    t.equal(sources.filter(Boolean).length, 1, `${key} has one source`)
    const said = [...Object.values(byMethod ?? {}), ...('default' in row ? [row.default] : [])]
    for (const value of [...said, ...('neutral' in row ? [row.neutral] : [])]) t.ok(values.accepts(value), key)
    t.equal(row.methods !== undefined, Object.hasOwn(row, 'neutral'), `${key} is neutral for other methods`)
  }
  t.equal(flags.size, OPTION_KEYS.length, 'no two settings have the same option')
  t.end()
})

t.test('defaults are those of the rows', (t) => {
  t.match(DEFAULTS, { learningRate: 0.1, teacher: null, distill: 'on', gpuMemoryFraction: 0.9 })
  t.notOk('branches' in DEFAULTS)
  t.same(WITHOUT_METHOD, {
    branches: 1,
    distill: 'on',
    share: 'low',
    gate: 'learned',
    peers: '1',
    teacher: null,
    teacherNetwork: null,
    teacherBlock: 'auto',
    alpha: 0.9,
    dkdAlpha: 1,
    dkdBeta: 8,
    kdclTarget: 'min-logit',
    snapshots: 1,
  })
  t.same((['peers', 'branches', 'teacherNetwork', 'data', 'weightDecay'] as const).map(describeDefault), [
    '2 for dml, 3 for ensemble, 4 for cl, 2 for kdcl',
    '3 for one, 4 for okddip, 4 for cl-ilr',
    'resnet-110 where it is to be trained',
    null,
    '0.0001; 0.01 for adamw, 0.01 for lamb',
  ])
  t.end()
})
