import t from 'tap'
import { type Kernel, readExchanges, readKernels, readLaunches } from '../../bench/optimised-hlo.ts'

/** A module as XLA's GPU compiler prints one, with one kernel of each kind. */
const MODULE = `HloModule step, is_scheduled=true, entry_computation_layout={(f32[8,4]{1,0})->f32[4]{0}}

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b)
}

%fused_sums (p: f32[8,4]) -> (f32[4], f32[4]) {
  %p = f32[8,4]{1,0} parameter(0)
  %zero = f32[] constant(0)
  %one = f32[4]{0} reduce(%p, %zero), dimensions={0}, to_apply=%add
  %other = f32[4]{0} reduce(%p, %zero), dimensions={0}, to_apply=%add
  ROOT %both = (f32[4]{0}, f32[4]{0}) tuple(%one, %other)
}

%fused_scale (p: f32[8,4], s: f32[4]) -> bf16[8,4] {
  %p = f32[8,4]{1,0} parameter(0)
  %s = f32[4]{0} parameter(1)
  %wide = f32[8,4]{1,0} broadcast(%s), dimensions={1}
  %product = f32[8,4]{1,0} multiply(%p, %wide)
  ROOT %narrow = bf16[8,4]{1,0} convert(%product)
}

%fused_transpose (p: bf16[8,4]) -> bf16[4,8] {
  %p = bf16[8,4]{1,0} parameter(0)
  ROOT %turned = bf16[4,8]{1,0} transpose(%p), dimensions={1,0}
}

%fused_corner (p: f32[8,4], q: f32[8,4]) -> f32[2,4] {
  %p = f32[8,4]{1,0} parameter(0)
  %q = f32[8,4]{1,0} parameter(1)
  %top = f32[2,4]{1,0} slice(%p), slice={[0:2], [0:4]}
  %bottom = f32[1,4]{1,0} slice(%p), slice={[7:8], [0:4]}
  %part = f32[2,4]{1,0} slice(%q), slice={[0:2], [0:4]}
  %whole = f32[] reduce(%q, %q), dimensions={0,1}, to_apply=%add
  ROOT %corner = f32[2,4]{1,0} add(%top, %part)
}

ENTRY %main.1 (x: f32[8,4], keep: pred[8]) -> f32[4] {
  %x = f32[8,4]{1,0} parameter(0)
  %keep = pred[8]{0} parameter(1), sharding={replicated}
  %sums = (f32[4]{0}, /*index=1*/f32[4]{0}) fusion(%x), kind=kInput, calls=%fused_sums, metadata={op_name="sums (both)"}
  %first = f32[4]{0} get-tuple-element(%sums), index=0
  %scaled = bf16[8,4]{1,0} fusion(%x, %sums#1), kind=kLoop, calls=%fused_scale
  %corner = f32[2,4]{1,0} fusion(%x, %x), kind=kLoop, calls=%fused_corner
  %flat = bf16[32]{0} bitcast(%scaled)
  %turned = bf16[4,8]{1,0} fusion(%scaled), kind=kInput, calls=%fused_transpose
  %convolution = (bf16[2,16]{1,0}, u8[4096]{0}) custom-call(%flat, %turned), custom_call_target="__cudnn$convForward"
  %product = (f32[2,2]{1,0}, s8[1024]{0}) custom-call(%convolution#0, %flat), custom_call_target="__cublas$lt$matmul"
  %order = (s32[8]{0}, s32[8]{0}) custom-call(%keep), custom_call_target="__cub$DeviceRadixSort"
  %copied = pred[8]{0} copy(%keep)
  %begun = ((f32[4]{0}), f32[4]{0}) async-start(%first), calls=%reduced
  ROOT %total = f32[4]{0} async-done(%begun)
}

%reduced (p: f32[4]) -> f32[4] {
  %p = f32[4]{0} parameter(0)
  ROOT %everywhere = f32[4]{0} all-reduce(%p), replica_groups={{0,1}}, to_apply=%add
}
`

t.test('kernels, their kinds and the bytes that they move', (t) => {
  const kernels = readKernels(MODULE)
  const named = (name: string, kind: Kernel['kind'], bytesRead: number, bytesWritten: number) => ({
    name,
    kind,
    bytesRead,
    bytesWritten,
  })
  t.same(kernels, [
    named('sums', 'reduction', 128, 32),
    named('scaled', 'elementwise', 128 + 16, 64),
    // Three rows of the first operand, the second in whole.
    named('corner', 'reduction', 48 + 128, 32),
    named('turned', 'copy', 64, 64),
    // Without what cuDNN works in.
    named('convolution', 'convolution', 64 + 64, 64),
    named('product', 'matrix product', 64 + 64, 16),
    named('order', 'other', 8, 64),
    named('copied', 'copy', 8, 8),
    named('begun', 'collective', 16, 32),
  ])
  t.end()
})

t.test('sums over replicas, and the kernels that run beside them', (t) => {
  t.same(readExchanges(MODULE), [{ bytes: 16, kernelsBeside: 0 }])
  const entry = [
    '  %x = f32[4]{0} parameter(0)',
    '  %early = ((f32[4]{0}), f32[4]{0}) async-start(%x), calls=%reduced',
    '  %one = f32[4]{0} copy(%x)',
    '  %late = f32[8]{0} all-reduce-start(%one), to_apply=%add',
    '  %flat = f32[2,2]{1,0} bitcast(%one)',
    '  %two = f32[4]{0} copy(%x)',
    '  %now = f32[2]{0} all-reduce(%two), to_apply=%add',
    '  %late.done = f32[8]{0} all-reduce-done(%late)',
    '  %three = f32[4]{0} copy(%x)',
    '  ROOT %early.done = f32[4]{0} async-done(%early)',
  ].join('\n')
  const [begin = ''] = MODULE.split('ENTRY')
  const reduced = MODULE.slice(MODULE.indexOf('%reduced (p'))
  t.same(readExchanges(`${begin}\nENTRY %main (x: f32[4]) -> f32[4] {\n${entry}\n}\n\n${reduced}`), [
    { bytes: 16, kernelsBeside: 3 },
    { bytes: 32, kernelsBeside: 1 },
    { bytes: 8, kernelsBeside: 0 },
  ])
  t.end()
})

t.test('a text that is no such module is refused', (t) => {
  t.throws(() => readKernels('HloModule empty'), { message: /an entry computation/ })
  const unknown = 'ENTRY %main () -> f32[] {\n  %y = f32[] negate(%x)\n}'
  t.throws(() => readKernels(unknown), { message: /an instruction %x before it is read/ })
  const short = 'ENTRY %main () -> f32[] {\n  %x = (f32[]) parameter(0)\n  %y = f32[] negate(%x#1)\n}'
  t.throws(() => readKernels(short), { message: /an element 1 of \(f32\[\]\)/ })
  t.end()
})

t.test('a CUDA graph is one launch, a wait is none', (t) => {
  const list = [
    '000: kCommandBuffer [source       | next=003 (1) ]',
    '    001: kCopy         [source       | sink        ] kCopy',
    '    002: kCustomKernel [source       | sink        ] loop_multiply_fusion grid: [1, 1, 1]',
    '003: kConvolution   [prev=000 (1)  | sink        ] kConvolution',
    '004: kAsyncStart    [source        | sink        ]',
    '005: kAsyncDone     [source        | sink        ]',
  ].join('\n')
  t.same(readLaunches(list), { launches: 3, graphs: 1 })
  t.end()
})
