/** The operations of augmentation policies, by torchvision's names. */
import { rotate, shearX, shearY, translateX, translateY } from './affine.ts'
import { autoContrast, equalize, invert, posterize, solarize } from './byte-tables.ts'
import { brightness, color, contrast, sharpness } from './enhance.ts'
import type { Picture } from './picture.ts'

/**
 * Changes a picture in place to what torchvision's `_apply_op` makes of a Pillow image (nearest pixels, black outside), byte for byte.
 * The magnitude's unit is the operation's: a slope, pixels, degrees, a change of the factor 1, bits, or a threshold.
 */
type Operation = (picture: Picture, magnitude: number) => void

export const OPERATIONS = {
  Identity: () => undefined,
  ShearX: shearX,
  ShearY: shearY,
  TranslateX: translateX,
  TranslateY: translateY,
  Rotate: rotate,
  Brightness: (picture, magnitude) => brightness(picture, 1 + magnitude),
  Color: (picture, magnitude) => color(picture, 1 + magnitude),
  Contrast: (picture, magnitude) => contrast(picture, 1 + magnitude),
  Sharpness: (picture, magnitude) => sharpness(picture, 1 + magnitude),
  Posterize: posterize,
  Solarize: solarize,
  AutoContrast: autoContrast,
  Equalize: equalize,
  Invert: invert,
} as const satisfies Readonly<Record<string, Operation>>

export type OperationName = keyof typeof OPERATIONS
