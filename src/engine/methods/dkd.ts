import type { Network } from '../networks/network.ts'
import { KD, kd } from './kd.ts'
import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'
import { crossEntropy, scaled, sumOfParts } from './objective-parts.ts'

export interface DkdOptions {
  /** Network of the teacher, trained before; what it owns has the prefix `teacher.`. */
  readonly teacher: Network
  /** Weight of what is learned of the label's class against all others (TCKD). */
  readonly dkdAlpha: number
  /** Weight of what is learned of the other classes among themselves (NCKD). */
  readonly dkdBeta: number
  /** Softening temperature T. */
  readonly temperature: number
}

/**
 * Decoupled Knowledge Distillation (Zhao, Cui, Song, Qiu and Liang, CVPR 2022): KD's divergence is
 * TCKD + (1 - p_y) NCKD (equation 6), so that a sure teacher teaches little of the other classes. Here each part has its own
 * weight, L = CE(z, y) + v T^2 (alpha TCKD + beta NCKD) (equation 7), with the warm-up v(epoch) = min((epoch + 1) / R, 1) of
 * the authors' code (mdistiller). Of mixed images the label is the image's own.
 */
export function dkd({ teacher, dkdAlpha, dkdBeta, temperature }: DkdOptions): Method {
  return {
    ...kd({ teacher, temperature, alpha: 1 }),
    name: 'dkd',
    scalars: ['linear_ramp_up'],
    objective: (graph, { branches, pretrained }, targets, scalar) => {
      const [student] = branches
      if (student === undefined || pretrained === undefined) {
        throw new Error(`Expected a student and a teacher for the objective of DKD but received ${branches.length}`)
      }
      const attributes = { temperature, target: dkdAlpha, others: dkdBeta }
      const inputs = [pretrained, student, targets.labels]
      const divergence = graph.applyOne('DecoupledKullbackLeibler', inputs, attributes, 'loss')
      const full = scaled(graph, divergence, temperature ** 2)
      const value = graph.applyOne('Multiply', [full, scalar('linear_ramp_up')], {}, 'loss')
      return sumOfParts(graph, [crossEntropy(graph, student, targets, '0'), { name: 'distillation', value }])
    },
  }
}

export const DKD: MethodDefinition = {
  ...KD,
  help: 'distilled from a trained teacher, the label and the other classes each on their own',
  title: (word) => `DKD from ${word('teacherNetwork') || 'a teacher'}`,
  reads: ['rampUp', 'temperature', 'teacher', 'teacherNetwork', 'teacherBlock', 'dkdAlpha', 'dkdBeta'],
  // Of the authors' programs for CIFAR-100; beta 8 is their default, each pair of networks has its own.
  defaults: (teacher) => ({ ...KD.defaults(teacher), temperature: 4 }),
  rampUpShare: 20 / 240,
  create: (settings, others) => dkd({ ...settings, teacher: others.teacher() }),
}
