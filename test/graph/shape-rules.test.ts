import t from 'tap'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { convOutputSize } from '../../src/engine/graph/ops/shapes.ts'

t.test('a misfit names layer, operation, what was expected and the shapes', (t) => {
  const graph = new GraphBuilder(2)
  const x = graph.state('x', [2, 3, 8, 8])
  const filter = graph.state('w', [16, 4, 3, 3])
  const geometry = { stride: 1, padding: 1, groups: 1 }
  t.throws(
    () => graph.scope('layer1', () => graph.scope('conv2', () => graph.apply('Conv2D', [x, filter], geometry))),
    new Error(
      'Expected 4 channels of x for 1 groups for Conv2D of layer layer1.conv2 but received f32 [2, 3, 8, 8], f32 [16, 4, 3, 3]',
    ),
  )
  t.throws(() => graph.apply('Softmax', [x], {}), /^Expected rank 2 for x for Softmax of layer \(top\)/)
  t.equal(graph.nodes.length, 0, 'nothing was captured')
  t.end()
})

t.test('operands that do not fit are refused', (t) => {
  const graph = new GraphBuilder(2)
  const state = (...shape: number[]) => graph.state(`s${shape.join('x')}`, shape)
  const half = graph.applyOne('Cast', [state(2, 3, 8, 8)], { dtype: 'bf16' })
  const image = state(2, 3, 8, 8)
  const norm = { epsilon: 1e-5, activation: null, residual: false }
  const geometry = { stride: 1, padding: 0, groups: 1 }
  const backward = { ...geometry, inputShape: [2, 3, 8, 8] }
  const pool = (kernel: number, padding: number) => ({ kernel, stride: 2, padding })
  const cases: [expectation: RegExp, body: () => unknown][] = [
    [/x and the filter in one precision/, () => graph.apply('Conv2D', [half, state(4, 3, 3, 3)], geometry)],
    [/an image at least as large as the filter/, () => graph.apply('Conv2D', [image, state(4, 3, 9, 9)], geometry)],
    [/divisible by the groups/, () => graph.apply('Conv2D', [image, state(4, 1, 1, 1)], { ...geometry, groups: 3 })],
    [/dy of the result/, () => graph.apply('Conv2DBackpropInput', [state(2, 4, 8, 8), state(4, 3, 3, 3)], backward)],
    [/f32 \[3\] for each vector/, () => graph.apply('BatchNorm', [image, state(4), state(3)], norm)],
    [/no residual/, () => graph.apply('BatchNorm', [image, state(3), state(3), image], norm)],
    [
      /a residual of type of x/,
      () => graph.apply('BatchNorm', [image, state(3), state(3), half], { ...norm, residual: true }),
    ],
    [/inputs of one type/, () => graph.apply('Add', [image, half], {})],
    [/scalars/, () => graph.apply('Multiply', [image, image], {})],
    [/7 features of x/, () => graph.apply('Linear', [state(2, 5), state(4, 7), state(4)], {})],
    [/\[4\] for the bias/, () => graph.apply('Linear', [state(2, 7), state(4, 7), state(3)], {})],
    [/logits of 3 branches/, () => graph.apply('GatedSum', [state(2, 3), state(2, 5), state(2, 5)], {})],
    [
      /i32 \[2\] or \[2, 2\] for labels/,
      () => graph.apply('CrossEntropy', [state(2, 5), state(2)], { reduction: 'mean' }),
    ],
    [
      /i32 \[2, 8\] for labels/,
      () =>
        graph.apply('CrossEntropy', [state(8, 5), new GraphBuilder(8).labels()], {
          reduction: 'mean',
          labels: 'partner',
        }),
    ],
    [
      /a scalar learning rate/,
      () => graph.apply('SgdNesterov', [state(3), state(3), state(3), state(3)], { momentum: 0.9, weightDecay: 0 }),
    ],
    [/an image at least as large as the window/, () => graph.apply('MaxPool', [image], pool(9, 0))],
    [/a padding of at most half the kernel/, () => graph.apply('MaxPool', [image], pool(3, 2))],
    [/rank 4 for x/, () => graph.apply('AveragePool', [state(2, 5)], pool(2, 0))],
    [/inputs of one type/, () => graph.apply('MaxPoolGrad', [image, image], pool(2, 0))],
    [/dy of the result/, () => graph.apply('AveragePoolGrad', [image], { ...pool(2, 0), inputShape: [2, 3, 8, 8] })],
    [/inputs that differ in their channels only/, () => graph.apply('Concat', [image, state(2, 3, 8, 7)], {})],
    [/inputs of one precision/, () => graph.apply('Concat', [image, half], {})],
    [/channels 2 to 3 of x/, () => graph.apply('SliceChannels', [image], { start: 2, channels: 2 })],
    [/u8 images/, () => graph.apply('Normalise', [image], { mean: [0], std: [1], dtype: 'f32' })],
    [
      /a mean and std for each of 3 channels/,
      () => graph.apply('Normalise', [graph.images(8, 8, 3)], { mean: [0], std: [1], dtype: 'f32' }),
    ],
  ]
  for (const [expectation, body] of cases) t.throws(body, expectation)
  t.end()
})

t.test('sizes of convolutions are rounded down, as in PyTorch', (t) => {
  const size = (input: number, kernel: number, stride: number, padding: number) =>
    convOutputSize(input, kernel, { stride, padding })
  t.same(
    [size(32, 3, 1, 1), size(32, 3, 2, 1), size(7, 3, 2, 1), size(8, 1, 2, 0), size(224, 7, 2, 3)],
    [32, 16, 4, 4, 112],
  )
  t.end()
})
