import type { PoolAttributes } from '../../graph/ops/pooling.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

/**
 * The gradient of max pooling where each pixel gathers from the windows that it lies in: elementwise operations on x, dy
 * [B, H, W, C]. XLA's select_and_scatter adds in any order on GPUs; where equal runs are to give equal numbers, it sorts all
 * pixels first.
 * @param x [B, H, W, C]
 * @param dy [B, H', W', C]
 */
export function gatherFromWindows(
  hlo: HloFunction,
  x: Hlo,
  dy: Hlo,
  { kernel, stride, padding }: Pick<PoolAttributes, 'kernel' | 'stride' | 'padding'>,
): Hlo {
  const [, height = 0, width = 0] = x.shape
  const [, rows = 0, columns = 0] = dy.shape
  // As many pixels as the windows reach, on all sides.
  const reach = { height: (rows - 1) * stride + kernel, width: (columns - 1) * stride + kernel }
  const around = (before: number, part: number, whole: number): [number, number] => [before, whole - part - before]
  const lowest = hlo.constant(Number.NEGATIVE_INFINITY, [], x.dtype)
  const padded = hlo.pad(x, [around(padding, height, reach.height), around(padding, width, reach.width)], 0, lowest)
  const offsets = Array.from({ length: kernel * kernel }, (_, place) => ({
    place,
    top: Math.floor(place / kernel),
    left: place % kernel,
  }))
  const members = offsets.map(({ top, left }) => hlo.everyNth(padded, [top, left], [rows, columns], stride))
  const [first, ...others] = members
  if (first === undefined) throw new Error('Expected a window of pixels')
  const largest = others.reduce((most, member) => hlo.binary('maximum', most, member), first)
  // From the last to the first: of equal members the first is kept.
  const chosen = members.reduceRight(
    (found, member, place) =>
      hlo.select(hlo.compare('EQ', member, largest), hlo.constant(place, dy.shape, 'i32'), found),
    hlo.constant(-1, dy.shape, 'i32'),
  )
  const place = hlo.kept(hlo.convert(chosen, 'i8'))
  const zeros = hlo.constant(0, dy.shape, dy.dtype)
  const spread = (pixels: number) => (pixels - 1) * stride + 1
  const shares = offsets.map(({ place: offset, top, left }) => {
    const own = hlo.select(hlo.compare('EQ', place, hlo.constant(offset, dy.shape, 'i8')), dy, zeros)
    const vertical = around(top - padding, spread(rows), height)
    const horizontal = around(left - padding, spread(columns), width)
    return hlo.convert(hlo.pad(own, [vertical, horizontal], stride - 1), 'f32')
  })
  return shares.reduce((sum, share) => hlo.binary('add', sum, share))
}
