/** Network and method: what is trained. */
import {
  defaultsByMethod,
  METHOD_NAMES,
  METHODS_IN_WORDS,
  readersListed,
  readersOf,
} from '../../engine/methods/registry.ts'
import { BLOCK_FORMS, NETWORKS_IN_WORDS } from '../../engine/networks/registry.ts'
import { BLOCK, NETWORK } from '../network-values.ts'
import { parsePeers } from '../peers.ts'
import { setting } from '../setting.ts'
import { number, oneOf, orNull, orOwn, PATH, text, wholeNumber } from '../values.ts'

export const METHOD_SETTINGS = {
  /** Part of the recipe's epochs, ramp-up and cycles that this run takes; `epochs` is shortened already. 1 = all. */
  scale: setting(number({ above: 0, to: 1 }), {
    flag: '--scale',
    value: '<s>',
    help: "part of the recipe's schedule: epochs, ramp-up and cycles in proportion; every report says so",
    default: 1,
    report: 'none',
  }),
  /** A name of engine/networks/registry.ts. */
  network: setting(NETWORK, {
    flag: '--network',
    value: '<name>',
    help: `${NETWORKS_IN_WORDS}; or ./mine.js, a module of your own`,
    default: 'resnet-32',
    report: 'row',
    work: true,
    aliases: ['--model', '--arch', '--architecture', '--net', '--backbone', '-a'],
  }),
  block: setting(BLOCK, {
    flag: '--block',
    value: '<kind>',
    help: `block of ${BLOCK_FORMS}: basic, bottleneck, or auto = bottleneck from depth 44 on, as the paper`,
    default: 'auto',
    report: 'row',
    work: true,
    commands: ['summary', 'bench step'],
  }),
  method: setting(orOwn('method', oneOf(METHOD_NAMES)), {
    flag: '--method',
    value: '<name>',
    help: `${METHODS_IN_WORDS}; or ./mine.js, a module of your own`,
    default: 'one',
    report: 'row',
    work: true,
    commands: ['summary', 'bench step'],
  }),
  /** All branches, the target and the auxiliary ones (ONE's m + 1, OKDDip's m). */
  branches: setting(wholeNumber({ from: 1 }), {
    flag: '--branches',
    value: '<n>',
    help: `branches of ${readersListed('branches')}, the target included (m + 1 in ONE's paper)`,
    methods: readersOf('branches'),
    neutral: 1,
    byMethod: defaultsByMethod('branches'),
    report: 'row',
    work: true,
    commands: ['summary', 'bench step'],
    aliases: ['--num-branches', '--heads'],
  }),
  /** ONE's ablation "without online distillation": `off` leaves the distillation term out. */
  distill: setting(oneOf(['on', 'off']), {
    flag: '--distill',
    value: '<on|off>',
    help: 'off = ONE without on-the-fly distillation, an ablation',
    default: 'on',
    methods: readersOf('distill'),
    neutral: 'on',
    report: 'row',
    work: true,
  }),
  /** ONE's ablation "without sharing layers", and the networks of other methods: `none` makes each branch a whole network. */
  share: setting(oneOf(['low', 'none']), {
    flag: '--share',
    value: '<layers>',
    help: 'low = the branches share the low layers; none = each is a whole network (an ablation of ONE)',
    default: 'low',
    methods: readersOf('share'),
    neutral: 'low',
    report: 'row',
    work: true,
  }),
  /** ONE's ablation "without gating": `average` makes the teacher the plain mean of the logits. */
  gate: setting(oneOf(['learned', 'average']), {
    flag: '--gate',
    value: '<kind>',
    help: 'learned = the gate of ONE weighs the branches; average = their plain mean, an ablation',
    default: 'learned',
    methods: readersOf('gate'),
    neutral: 'learned',
    report: 'row',
    work: true,
  }),
  /** Networks of dml and ensemble: `3` = three of `network`, or names with commas between. */
  peers: setting(
    text(
      'a whole number from 1 to 99, or names of networks with commas between them',
      (peers) => parsePeers(peers) !== null,
    ),
    {
      flag: '--peers',
      value: '<peers>',
      help: `networks of ${readersListed('peers')}: 3 = three of --network, or names as in resnet-32,resnet-110`,
      methods: readersOf('peers'),
      neutral: '1',
      byMethod: defaultsByMethod('peers'),
      report: 'row',
      work: true,
    },
  ),
  /** kd, dkd: null = the teacher is trained first, in `<out>/teacher`. */
  teacher: setting(orNull(PATH), {
    flag: '--teacher',
    value: '<path>',
    help: `of ${readersListed('teacher')}: run folder, checkpoint folder or safetensors file of a trained network`,
    default: null,
    methods: readersOf('teacher'),
    neutral: null,
    report: 'none',
    onResume: 'free',
    hosts: 'leader',
    aliases: ['--teacher-path', '--teacher-checkpoint', '--teacher-model'],
  }),
  /** kd, dkd: null for other methods, and until it is read from the teacher's run. */
  teacherNetwork: setting(orNull(NETWORK), {
    flag: '--teacher-network',
    value: '<name>',
    help: `of ${readersListed('teacherNetwork')}: network of the teacher; a run folder says it itself`,
    derived: 'resnet-110 where it is to be trained',
    methods: readersOf('teacherNetwork'),
    neutral: null,
    report: 'row',
    work: true,
  }),
  teacherBlock: setting(BLOCK, {
    flag: '--teacher-block',
    value: '<kind>',
    help: `of ${readersListed('teacherBlock')}: as --block, of the teacher's network`,
    default: 'auto',
    methods: readersOf('teacherBlock'),
    neutral: 'auto',
    report: 'row',
    work: true,
  }),
  /** kd: weight of the distillation term, that of the cross entropy is 1 - alpha. */
  alpha: setting(number({ from: 0, to: 1 }), {
    flag: '--alpha',
    value: '<a>',
    help: `of ${readersListed('alpha')}: loss = (1 - a) cross entropy + a T^2 divergence from the teacher`,
    // The paper does not say what weight its KD has: this is that of Zagoruyko and Komodakis ("Paying More Attention to
    // Attention", ICLR 2017, section 4.1), which later comparisons took over.
    default: 0.9,
    methods: readersOf('alpha'),
    neutral: 0.9,
    report: 'difference',
  }),
  /** dkd: weight of TCKD, the label's class against all others. */
  dkdAlpha: setting(number({ from: 0 }), {
    flag: '--dkd-alpha',
    value: '<a>',
    help: "of dkd: weight of what is learned of the label's class against all others",
    default: 1,
    methods: readersOf('dkdAlpha'),
    neutral: 1,
    report: 'difference',
  }),
  /** dkd: weight of NCKD, the other classes among themselves. */
  dkdBeta: setting(number({ from: 0 }), {
    flag: '--dkd-beta',
    value: '<b>',
    help: 'of dkd: weight of what is learned of the other classes among themselves',
    default: 8,
    methods: readersOf('dkdBeta'),
    neutral: 8,
    report: 'difference',
  }),
  /** kdcl: how the students' logits make the target that they learn from. */
  kdclTarget: setting(oneOf(['naive', 'min-logit']), {
    flag: '--kdcl-target',
    value: '<rule>',
    help: "of kdcl: naive = the logits of the student that errs least; min-logit = the least of all, less the label's",
    default: 'min-logit',
    methods: readersOf('kdclTarget'),
    neutral: 'min-logit',
    report: 'row',
  }),
  /** snapshot: cycles of the learning rate, and networks of the ensemble. */
  snapshots: setting(wholeNumber({ from: 1 }), {
    flag: '--snapshots',
    value: '<n>',
    help: 'of snapshot: cycles of the learning rate, each ends with a network of the ensemble',
    methods: readersOf('snapshots'),
    neutral: 1,
    byMethod: defaultsByMethod('snapshots'),
    report: 'row',
  }),
}
