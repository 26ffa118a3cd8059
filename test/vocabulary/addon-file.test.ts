/** Which prebuilt addon a processor takes. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { choosePrebuilt, findAddon, type PrebuiltAddons } from '../../src/vocabulary/addon-file.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const {
  LEVELS,
  flagsOfLevel,
}: {
  LEVELS: { x64: Record<string, { needs: string[] }> }
  flagsOfLevel(level: string): readonly string[] | null
} = await import(join(root, 'scripts/setup/instruction-levels.mjs'))

const released: PrebuiltAddons = {
  levels: Object.entries(LEVELS.x64).map(([level, { needs }]) => ({ level, needs })),
  addons: {
    one: Object.fromEntries(Object.keys(LEVELS.x64).map((level) => [level, `one-${level}.node`])),
    images: Object.fromEntries(
      ['x86-64-v4-bf16', 'x86-64-v3', 'x86-64-v2'].map((level) => [level, `images-${level}.node`]),
    ),
    pjrt: { 'x86-64-v2': 'pjrt-x86-64-v2.node' },
  },
}

/** The vector and bit instructions of processors, as their /proc/cpuinfo has them. */
const NEHALEM = 'cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3'
const HASWELL = `${NEHALEM} abm avx avx2 bmi1 bmi2 f16c fma movbe`
const SKYLAKE_SERVER = `${HASWELL} avx512f avx512dq avx512cd avx512bw avx512vl`
const COOPER_LAKE = `${SKYLAKE_SERVER} avx512_vnni avx512_bf16`
const ICE_LAKE = `${SKYLAKE_SERVER} avx512ifma avx512vbmi avx512_vbmi2 avx512_vnni avx512_bitalg`
const ZEN_4 = `${ICE_LAKE} avx512_bf16`

const levelFor = (name: 'one' | 'images' | 'pjrt', flags: string, richest?: string) =>
  choosePrebuilt(released, name, new Set(flags.split(' ')), richest).level

t.test('the richest instruction set that the processor has in whole', (t) => {
  const chosen = [NEHALEM, HASWELL, SKYLAKE_SERVER, COOPER_LAKE, ICE_LAKE, ZEN_4].map((flags) => levelFor('one', flags))
  t.same(chosen, ['x86-64-v2', 'x86-64-v3', 'x86-64-v4', 'x86-64-v4', 'x86-64-v4', 'x86-64-v4-bf16'])
  t.equal(levelFor('one', HASWELL.replace(' movbe', '')), 'x86-64-v2')
  t.equal(levelFor('images', ICE_LAKE), 'x86-64-v3')
  t.equal(levelFor('pjrt', ZEN_4), 'x86-64-v2')
  t.end()
})

t.test('a poorer one where it is asked for, never a richer one', (t) => {
  t.equal(levelFor('one', ZEN_4, 'x86-64-v3'), 'x86-64-v3')
  t.equal(levelFor('images', ZEN_4, 'x86-64-v4'), 'x86-64-v3')
  t.equal(levelFor('one', HASWELL, 'x86-64-v4'), 'x86-64-v3')
  t.throws(() => levelFor('one', ZEN_4, 'avx2'), {
    name: 'UserFault',
    message: /^Expected one of x86-64-v4-bf16, .* for NATIVE_ENSEMBLE_INSTRUCTIONS but received avx2$/,
  })
  t.end()
})

t.test('a processor that has none is told what it lacks', (t) => {
  t.throws(() => levelFor('one', 'cx16 lahf_lm popcnt ssse3'), { message: /x86-64-v2, .* lacks sse4_1, sse4_2$/ })
  t.end()
})

t.test('what was built here comes before what was prebuilt', (t) => {
  t.match(findAddon('one'), { path: join(root, 'native/build/Release/one.node'), origin: 'built here' })
  t.ok(flagsOfLevel('x86-64-v3')?.includes('-march=x86-64-v3'))
  t.equal(flagsOfLevel('Release'), null)
  t.end()
})
