/**
 * Mixup and CutMix: into each image of a batch the one before it is mixed (the last into the first), all of a batch by the
 * same share. The numbers are the stream (seed, 'mix', epoch, batch), so that whoever needs the share draws the same.
 */
import { type RandomStream, randomStream } from '../../vocabulary/random.ts'
import type { InputSize } from './augmentation.ts'

export interface MixingOptions {
  /** Alpha of "mixup: Beyond Empirical Risk Minimization" (ICLR 2018); 0 = off. */
  readonly mixup: number
  /** Alpha of "CutMix: Regularization Strategy to Train Strong Classifiers" (ICCV 2019); 0 = off. */
  readonly cutmix: number
}

/** `share`: the image's own part of its class; the rest is its partner's. */
export type Mixing =
  | { readonly kind: 'blend'; readonly share: number }
  | { readonly kind: 'paste'; readonly share: number; readonly box: Box }

/** Rows top .. bottom - 1, columns left .. right - 1. */
interface Box {
  readonly top: number
  readonly bottom: number
  readonly left: number
  readonly right: number
}

/** Shares of a blend are whole parts of this: the pixels' arithmetic is exact. */
const PARTS = 1 << 16

/** @param batch index in the epoch @returns null where both are off */
export function drawMixing(
  { mixup, cutmix }: MixingOptions,
  size: Pick<InputSize, 'height' | 'width'>,
  seed: number,
  epoch: number,
  batch: number,
): Mixing | null {
  if (mixup === 0 && cutmix === 0) return null
  const stream = randomStream(seed, 'mix', epoch, batch)
  const second = stream.uniform() < 0.5
  const pastes = mixup === 0 || (cutmix > 0 && second)
  const drawn = drawBeta(pastes ? cutmix : mixup, stream)
  if (!pastes) return { kind: 'blend', share: Math.round(drawn * PARTS) / PARTS }
  const box = drawBox(drawn, size, stream)
  const area = (box.bottom - box.top) * (box.right - box.left)
  return { kind: 'paste', share: 1 - area / (size.height * size.width), box }
}

/** As torchvision's CutMix: a middle anywhere, sides of sqrt(1 - share) of the image's, cut at its edges. */
function drawBox(share: number, { height, width }: Pick<InputSize, 'height' | 'width'>, stream: RandomStream): Box {
  const [column, row] = [stream.below(width), stream.below(height)]
  const half = 0.5 * Math.sqrt(1 - share)
  const [wide, high] = [Math.trunc(half * width), Math.trunc(half * height)]
  return {
    top: Math.max(0, row - high),
    bottom: Math.min(height, row + high),
    left: Math.max(0, column - wide),
    right: Math.min(width, column + wide),
  }
}

/** Beta(alpha, alpha) as G / (G + G') of two gamma variates. */
function drawBeta(alpha: number, stream: RandomStream): number {
  const [one, other] = [drawGamma(alpha, stream), drawGamma(alpha, stream)]
  // Of a tiny alpha both may be too small for a number: the share is then nearly always 0 or 1.
  if (one + other === 0) return stream.uniform() < 0.5 ? 0 : 1
  return one / (one + other)
}

/** Marsaglia and Tsang, "A simple method for generating gamma variables" (TOMS 2000); below 1 with their power of u. */
function drawGamma(shape: number, stream: RandomStream): number {
  if (shape < 1) {
    const power = (1 - stream.uniform()) ** (1 / shape)
    return drawGamma(shape + 1, stream) * power
  }
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = stream.normal()
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - stream.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}

/**
 * Mixes the images of a batch in place.
 * @param pixels [count, height, width, channels] u8
 * @param wanted asked before each image; what is no longer wanted stays as it is
 */
export function mixImages(pixels: Uint8Array, size: InputSize, mixing: Mixing, wanted: () => boolean): void {
  const bytes = size.height * size.width * size.channels
  const count = pixels.length / bytes
  const last = pixels.slice((count - 1) * bytes)
  // From the last on: each image's partner is still as it was.
  for (let image = count - 1; image >= 0 && wanted(); image--) {
    const own = pixels.subarray(image * bytes, (image + 1) * bytes)
    const partner = image === 0 ? last : pixels.subarray((image - 1) * bytes, image * bytes)
    if (mixing.kind === 'blend') blend(own, partner, mixing.share)
    else paste(own, partner, mixing.box, size)
  }
}

function blend(own: Uint8Array, partner: Uint8Array, share: number): void {
  const [kept, added] = [share * PARTS, PARTS - share * PARTS]
  for (let byte = 0; byte < own.length; byte++) {
    own[byte] = ((own[byte] ?? 0) * kept + (partner[byte] ?? 0) * added + PARTS / 2) >> 16
  }
}

function paste(
  own: Uint8Array,
  partner: Uint8Array,
  { top, bottom, left, right }: Box,
  { width, channels }: InputSize,
): void {
  for (let row = top; row < bottom; row++) {
    const [from, to] = [left, right].map((column) => (row * width + column) * channels)
    own.set(partner.subarray(from, to), from)
  }
}
