import t from 'tap'
import { loadNativeAddon } from '../../../src/engine/executors/cpu/native-addon.ts'
import { numberOf, type PlanNames } from '../../../src/engine/executors/cpu/plan-names.ts'
import { UserFault } from '../../../src/vocabulary/fault.ts'

t.test('the addon tells its names, each once in its table', (t) => {
  const names = loadNativeAddon().planNames
  const tables: readonly (keyof PlanNames)[] = ['instructions', 'rectifiers', 'maskSources', 'exportKinds', 'updateOps']
  for (const table of tables) {
    t.ok(names[table].length > 1, table)
    t.equal(new Set(names[table]).size, names[table].length, `${table}: ${names[table].join(', ')}`)
    names[table].forEach((name, number) => {
      t.equal(numberOf(names, { table, name }), number)
    })
  }
  t.end()
})

t.test('a name that the addon lacks is an error with the remedy', (t) => {
  const names = { ...loadNativeAddon().planNames, rectifiers: ['none', 'relu'] }
  t.throws(
    () => numberOf(names, { table: 'rectifiers', name: 'relu6' }),
    new UserFault(
      "Expected relu6 among the native addon's rectifiers but received: none, relu",
      'Build it from these sources with: npm run setup.',
    ),
  )
  t.end()
})
