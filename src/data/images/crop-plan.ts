/** Where an image's pixels come from and go to: box of the image -> resize of the whole box -> window of the result. */
import type { RandomStream } from '../../vocabulary/random.ts'

export interface CropPlan {
  /** Box in pixels of the image decoded whole. */
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  /** Size of the box after the resize. */
  readonly resizedWidth: number
  readonly resizedHeight: number
  /** Part of the resized box that is written, as [windowHeight, windowWidth, 3] u8. */
  readonly windowLeft: number
  readonly windowTop: number
  readonly windowWidth: number
  readonly windowHeight: number
  /** The window is written mirrored left to right. */
  readonly flip: boolean
  /** A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size where the box is so much larger than the result. */
  readonly scaled: boolean
}

export interface ImageSize {
  readonly width: number
  readonly height: number
}

/** The plan as the addon reads it (native/images/crop_plan.hpp). */
export function planWords(plan: CropPlan, words: Int32Array): void {
  words[0] = plan.left
  words[1] = plan.top
  words[2] = plan.width
  words[3] = plan.height
  words[4] = plan.resizedWidth
  words[5] = plan.resizedHeight
  words[6] = plan.windowLeft
  words[7] = plan.windowTop
  words[8] = plan.windowWidth
  words[9] = plan.windowHeight
  words[10] = plan.flip ? 1 : 0
  words[11] = plan.scaled ? 1 : 0
}

export const PLAN_WORDS = 12

const AREA = [0.08, 1] as const
const RATIO = [3 / 4, 4 / 3] as const
const TRIES = 10

/**
 * torchvision's RandomResizedCrop (area 0.08 - 1 of the image, ratio 3/4 - 4/3, as in "Going Deeper with Convolutions",
 * CVPR 2015) and RandomHorizontalFlip, with the numbers of `stream`.
 */
export function randomResizedCrop(stream: RandomStream, image: ImageSize, target: ImageSize): CropPlan {
  const box = randomBox(stream, image)
  return wholeWindow(box, target, stream.uint32() >= 0x80000000, true)
}

interface Box extends ImageSize {
  readonly left: number
  readonly top: number
}

function randomBox(stream: RandomStream, { width, height }: ImageSize): Box {
  const between = ([low, high]: readonly [number, number]) => low + (high - low) * stream.uniform()
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const area = width * height * between(AREA)
    const ratio = Math.exp(between([Math.log(RATIO[0]), Math.log(RATIO[1])]))
    const wide = roundHalfEven(Math.sqrt(area * ratio))
    const high = roundHalfEven(Math.sqrt(area / ratio))
    if (wide > 0 && wide <= width && high > 0 && high <= height) {
      const top = stream.below(height - high + 1)
      const left = stream.below(width - wide + 1)
      return { left, top, width: wide, height: high }
    }
  }
  const ratio = width / height
  const wide = ratio > RATIO[1] ? roundHalfEven(height * RATIO[1]) : width
  const high = ratio < RATIO[0] ? Math.min(height, roundHalfEven(width / RATIO[0])) : height
  return { left: (width - wide) >> 1, top: (height - high) >> 1, width: wide, height: high }
}

/** Short side after the resize over the side of the crop: 256 for 224. */
const EVALUATION_SCALE = 256 / 224

/** Short side to which an image is resized before its middle is evaluated: 256 for a target of 224, in proportion for others. */
export function evaluationShortSide(target: ImageSize): number {
  return Math.round(Math.max(target.width, target.height) * EVALUATION_SCALE)
}

/**
 * torchvision's Resize and CenterCrop, as images are evaluated. Decoded in full.
 * @param short the short side after the resize
 */
export function centreCrop(
  { width, height }: ImageSize,
  target: ImageSize,
  short = evaluationShortSide(target),
): CropPlan {
  const resizedWidth = width <= height ? short : Math.trunc((short * width) / height)
  const resizedHeight = width <= height ? Math.trunc((short * height) / width) : short
  return {
    left: 0,
    top: 0,
    width,
    height,
    resizedWidth,
    resizedHeight,
    windowLeft: roundHalfEven((resizedWidth - target.width) / 2),
    windowTop: roundHalfEven((resizedHeight - target.height) / 2),
    windowWidth: target.width,
    windowHeight: target.height,
    flip: false,
    scaled: false,
  }
}

/** The image as it is: every pixel its own. */
export function wholeImage(image: ImageSize): CropPlan {
  return wholeWindow({ left: 0, top: 0, ...image }, image, false, false)
}

/** The whole box, resized to the target. One literal: spreading parts together cost 3 % of a decode thread. */
function wholeWindow({ left, top, width, height }: Box, target: ImageSize, flip: boolean, scaled: boolean): CropPlan {
  return {
    left,
    top,
    width,
    height,
    resizedWidth: target.width,
    resizedHeight: target.height,
    windowLeft: 0,
    windowTop: 0,
    windowWidth: target.width,
    windowHeight: target.height,
    flip,
    scaled,
  }
}

/** Python's round(). */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
