/** Whole steps of the other methods on XLA's CPU plugin. */
import t from 'tap'
import { clIlr } from '../../../src/engine/methods/cl-ilr.ts'
import { dkd } from '../../../src/engine/methods/dkd.ts'
import { dml } from '../../../src/engine/methods/dml.ts'
import { ensemble } from '../../../src/engine/methods/ensemble.ts'
import { kd } from '../../../src/engine/methods/kd.ts'
import { kdcl } from '../../../src/engine/methods/kdcl.ts'
import { okddip } from '../../../src/engine/methods/okddip.ts'
import { one } from '../../../src/engine/methods/one.ts'
import { snapshotEnsemble } from '../../../src/engine/methods/snapshot.ts'
import { findNetwork } from '../../../src/engine/networks/find-network.ts'
import { withoutXla } from '../../support/xla.ts'
import { compareStep } from './compare-step.ts'

t.setTimeout(580_000)

const resnet8 = findNetwork('resnet-8', 'basic')
const ONE = { branches: 2, temperature: 3 } as const
const METHODS = {
  'ONE without shared layers and gate': one({ ...ONE, share: 'none', gate: 'average' }),
  'ONE without distillation': one({ ...ONE, distill: 'off' }),
  'knowledge distillation': kd({ teacher: resnet8, alpha: 0.7, temperature: 3 }),
  'decoupled distillation': dkd({ teacher: resnet8, dkdAlpha: 1, dkdBeta: 2, temperature: 4 }),
  'diverse peers': okddip({ branches: 3, temperature: 3 }),
  'heads on shared layers': clIlr({ branches: 3, alpha: 0.5, temperature: 2 }),
  'several views': kdcl([resnet8, resnet8], { temperature: 2, kdclTarget: 'min-logit' }),
  'mutual learning': dml([resnet8, resnet8]),
  'an ensemble': ensemble([resnet8, resnet8]),
  'the ensemble of snapshots': snapshotEnsemble(2),
}

for (const [name, method] of Object.entries(METHODS)) {
  t.test(name, { skip: withoutXla }, async (t) => {
    t.same(await compareStep({ batch: 4, method }), { training: [], evaluation: [] })
  })
}
