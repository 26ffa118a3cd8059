/** What is in an ONNX export. That runtimes read it and give the same logits is test/deploy/onnx-runtimes.test.ts. */
import t from 'tap'
import { foldBatchNorm, NOTHING_FOLDED } from '../../src/deploy/lowering/fold-batch-norm.ts'
import { lowerToOnnx } from '../../src/deploy/onnx/lower-program.ts'
import { encodeModel } from '../../src/deploy/onnx/onnx-model.ts'
import { ProtoMessage } from '../../src/deploy/onnx/protobuf.ts'
import { drawnModels } from './drawn-models.ts'

const models = drawnModels()
const hex = ({ parts }: ProtoMessage) => Buffer.concat(parts).toString('hex')

t.test("Protocol Buffers' wire format, by the examples of its documentation", async (t) => {
  t.equal(hex(new ProtoMessage().int(1, 150)), '089601')
  t.equal(hex(new ProtoMessage().int(1, -2)), '08feffffffffffffffff01')
  t.equal(hex(new ProtoMessage().string(2, 'testing')), '120774657374696e67')
  t.equal(hex(new ProtoMessage().message(3, new ProtoMessage().int(1, 150))), '1a03089601')
  t.equal(hex(new ProtoMessage().float(2, 1)), '150000803f')
  t.equal(hex(new ProtoMessage().int(20, 7)), 'a00107')
})

t.test('nodes of a plain network, and what folding leaves of them', async (t) => {
  const { capture, tensors } = models.find(({ name }) => name === 'resnet-8')!
  const program = capture(1)
  const count = (ops: readonly string[]) => {
    const counts: Record<string, number> = {}
    for (const op of ops) counts[op] = (counts[op] ?? 0) + 1
    return counts
  }
  const plain = lowerToOnnx(program, { tensors, folded: NOTHING_FOLDED }, 'float32')
  const common = { Conv: 9, Relu: 7, Add: 3, GlobalAveragePool: 1, Flatten: 1, Gemm: 1, Identity: 1 }
  t.same(count(plain.nodes.map(({ op }) => op)), { ...common, BatchNormalization: 9 })
  t.same(plain.input, { name: 'images', type: 'float', shape: ['batch', 3, 32, 32] })
  t.same(plain.output, { name: 'logits', type: 'float', shape: ['batch', 5] })
  t.same(
    plain.tensors.map(({ name }) => name).sort(),
    [...tensors.keys()].sort(),
    'weights have their own names, each once',
  )
  const folded = lowerToOnnx(program, { tensors, folded: foldBatchNorm(program, tensors) }, 'uint8')
  t.same(count(folded.nodes.map(({ op }) => op)), { ...common, Cast: 1, Transpose: 1, Div: 2, Sub: 1 })
  t.same(folded.input, { name: 'images', type: 'uint8', shape: ['batch', 32, 32, 3] })
})

t.test('every value is made before it is read', async (t) => {
  for (const { name, capture, tensors } of models) {
    const { nodes, ...graph } = lowerToOnnx(capture(1), { tensors, folded: NOTHING_FOLDED }, 'uint8')
    const made = new Set([graph.input.name, ...graph.tensors.map((tensor) => tensor.name)])
    for (const node of nodes) {
      t.same(
        node.inputs.filter((input) => !made.has(input)),
        [],
        `${name}: ${node.name}`,
      )
      made.add(node.output)
    }
    t.equal(made.size, 1 + graph.tensors.length + nodes.length, 'each value has a name of its own')
    t.ok(made.has('logits'))
  }
})

t.test('the file begins as a ModelProto of IR version 8', async (t) => {
  const { capture, tensors } = models[0]!
  const graph = lowerToOnnx(capture(1), { tensors, folded: NOTHING_FOLDED }, 'float32')
  const parts = encodeModel({ ...graph, name: 'n', producerVersion: '1', metadata: { key: 'value' } })
  const bytes = Buffer.concat(parts)
  t.equal(bytes.subarray(0, 4).toString('hex'), '0808120f')
  t.ok(bytes.toString('latin1').endsWith('r\x0c\n\x03key\x12\x05value'), 'metadata come last')
})
