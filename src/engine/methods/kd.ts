import type { Network } from '../networks/network.ts'
import type { Method } from './method.ts'
import { type MethodDefinition, TEACHER_SCOPE } from './method-definition.ts'
import { crossEntropy, divergence, scaled, sumOfParts } from './objective-parts.ts'
import { captureWhole, ONE_PLAIN_NETWORK } from './whole-networks.ts'

export interface KdOptions {
  /** Network of the teacher, trained before; what it owns has the prefix `teacher.`. */
  readonly teacher: Network
  /** Weight of the distillation term, that of the cross entropy is 1 - alpha. */
  readonly alpha: number
  /** Softening temperature T. */
  readonly temperature: number
}

/**
 * Knowledge Distillation (Hinton, Vinyals and Dean, 2015): the student learns from the labels and from the softened
 * predictions of a trained network, L = (1 - alpha) CE(z, y) + alpha T^2 KL(p_t^T || p^T). The teacher stays as it is: it
 * predicts with its running averages, has no gradient, and is no part of evaluation.
 */
export function kd({ teacher, alpha, temperature }: KdOptions): Method {
  return {
    name: 'kd',
    scalars: [],
    capture: (layers, network, images, classes) => {
      // First the student: its initial weights are then those of a vanilla run.
      const branches = [captureWhole(layers, network, images, classes)]
      if (!layers.training) return { branches, teacher: null }
      const pretrained = layers.scope(TEACHER_SCOPE, () => captureWhole(layers.frozen(), teacher, images, classes))
      return { branches, teacher: null, pretrained }
    },
    objective: (graph, { branches, pretrained }, targets) => {
      const [student] = branches
      if (student === undefined || pretrained === undefined) {
        throw new Error(`Expected a student and a teacher for the objective of KD but received ${branches.length}`)
      }
      const { name, value } = crossEntropy(graph, student, targets, '0')
      const distillation = divergence(graph, pretrained, student, temperature)
      return sumOfParts(graph, [
        { name, value: scaled(graph, value, 1 - alpha) },
        { name: 'distillation', value: scaled(graph, distillation, alpha * temperature ** 2) },
      ])
    },
  }
}

/** Teacher of the paper's table 3. */
const USUAL_TEACHER = 'resnet-110'

export const KD: MethodDefinition = {
  help: 'distilled from a trained teacher',
  title: (word) => `KD from ${word('teacherNetwork') || 'a teacher'}`,
  reads: ['temperature', 'teacher', 'teacherNetwork', 'teacherBlock', 'alpha'],
  // Of a teacher that is there already, its own run says which network it is.
  defaults: (teacher) => (teacher === null ? { teacherNetwork: USUAL_TEACHER } : {}),
  schedule: null,
  rules: [],
  members: { ...ONE_PLAIN_NETWORK, trained: 'student and teacher' },
  ensemble: 'none',
  trainingOnly: [TEACHER_SCOPE],
  teacher: true,
  create: ({ alpha, temperature }, others) => kd({ teacher: others.teacher(), alpha, temperature }),
}
