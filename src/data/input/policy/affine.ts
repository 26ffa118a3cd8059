/** Geometric operations: Pillow's affine transform of nearest pixels, in its arithmetic of 16 fractional bits. */
import type { Picture } from './picture.ts'

/** [a, b, c, d, e, f]: the pixel (x, y) of the result is the one at (ax + by + c, dx + ey + f) of the source. */
type AffineMatrix = readonly [number, number, number, number, number, number]

const RADIANS = Math.PI / 180

const fixedPoint = (value: number) => Math.floor(value * 0x10000 + 0.5)

/** `affine_fixed` of Pillow's Geometry.c; what lies outside of the source is black. */
function transform({ pixels, scratch, height, width }: Picture, [a, b, c, d, e, f]: AffineMatrix): void {
  scratch.set(pixels)
  const [right, down] = [fixedPoint(a), fixedPoint(d)]
  const [rightByRow, downByRow] = [fixedPoint(b), fixedPoint(e)]
  // Positions are those of the pixels' middles.
  let firstX = fixedPoint(c + a * 0.5 + b * 0.5)
  let firstY = fixedPoint(f + d * 0.5 + e * 0.5)
  let to = 0
  for (let row = 0; row < height; row++) {
    let x = firstX
    let y = firstY
    for (let column = 0; column < width; column++, to += 3) {
      const fromColumn = x >> 16
      const fromRow = y >> 16
      if (fromColumn >= 0 && fromColumn < width && fromRow >= 0 && fromRow < height) {
        const from = (fromRow * width + fromColumn) * 3
        pixels[to] = scratch[from] ?? 0
        pixels[to + 1] = scratch[from + 1] ?? 0
        pixels[to + 2] = scratch[from + 2] ?? 0
      } else {
        pixels[to] = 0
        pixels[to + 1] = 0
        pixels[to + 2] = 0
      }
      x += right
      y += down
    }
    firstX += rightByRow
    firstY += downByRow
  }
}

/** Rows move left by `slope` times their height in the image, the first row stays (torchvision's center = [0, 0]). */
export const shearX = (picture: Picture, slope: number) => transform(picture, [1, slope, 0, 0, 1, 0])

/** Columns move up by `slope` times their distance from the left edge. */
export const shearY = (picture: Picture, slope: number) => transform(picture, [1, 0, 0, slope, 1, 0])

/** To the right by the whole pixels of `distance`. */
export const translateX = (picture: Picture, distance: number) =>
  transform(picture, [1, 0, -Math.trunc(distance), 0, 1, 0])

/** Down by the whole pixels of `distance`. */
export const translateY = (picture: Picture, distance: number) =>
  transform(picture, [1, 0, 0, 0, 1, -Math.trunc(distance)])

/** Counterclockwise about the middle, as `Image.rotate`. @param degrees of the angle */
export function rotate(picture: Picture, degrees: number): void {
  const angle = -(((degrees % 360) + 360) % 360) * RADIANS
  // Pillow rounds them to 15 digits, so that a right angle moves whole pixels.
  const cosine = Number(Math.cos(angle).toFixed(15))
  const sine = Number(Math.sin(angle).toFixed(15))
  const [x, y] = [picture.width / 2, picture.height / 2]
  const c = cosine * -x + sine * -y + x
  const f = -sine * -x + cosine * -y + y
  transform(picture, [cosine, sine, c, -sine, cosine, f])
}
