// A method of your own: `node examples/own-method.js [images] [epochs]`, or
// `native-ensemble train --method ./examples/own-method.js --temperature 4 --dataset cifar10`.
// Two branches, each of which learns from the labels and from the plain mean of both (no gate, no gradient through the mean).
import { fileURLToPath } from 'node:url'
import { cifar10, defineMethod, train } from 'native-ensemble'
import { crossEntropy, divergence, scaled, sumOfParts, sumOfScalars } from 'native-ensemble/engine'

export const method = defineMethod({
  name: 'mean-teacher-branches',
  title: 'branches that learn from their mean',
  members: 'branches',
  reads: ['branches', 'temperature'],
  defaults: { branches: 2 },
  create: ({ branches, temperature }) => ({
    capture: (layers, network, images, classes) => {
      const features = network.trunk(layers, images)
      const logits = Array.from({ length: branches }, (_, branch) =>
        layers.scope(`branches.${branch}`, () => network.branch(layers, features, classes)),
      )
      return { branches: logits, teacher: layers.graph.applyOne('Average', logits, {}, 'mean') }
    },
    objective: (graph, { branches: students, teacher }, targets) => {
      if (teacher === null) throw new Error('capture gives a teacher')
      const towards = students.map((student) => divergence(graph, teacher, student, temperature))
      return sumOfParts(graph, [
        ...students.map((logits, branch) => crossEntropy(graph, logits, targets, `${branch}`)),
        { name: 'towards_mean', value: scaled(graph, sumOfScalars(graph, towards), temperature ** 2) },
      ])
    },
  }),
})

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [images = 'data/cifar10', epochs = '30'] = process.argv.slice(2)
  const run = await train({ method, network: 'resnet-20', dataset: cifar10(images), epochs: Number(epochs) })
  console.log(run.test?.top1)
}
