/** Small images of every kind that `prepare` meets, made anew for each test. */
import sharp, { type Sharp } from 'sharp'

/** Pixels that differ from image to image and from place to place. */
function drawn(width: number, height: number, seed: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3)
  for (let at = 0; at < pixels.length; at++) {
    const [x, y, channel] = [Math.floor(at / 3) % width, Math.floor(at / (3 * width)), at % 3]
    pixels[at] = (((x * 5) ^ (y * 3)) + 40 * channel + 17 * seed + ((x * y * (seed + 3)) & 31)) & 0xff
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

export function jpegOf(seed: number, width = 40, height = 30): Promise<Buffer> {
  return drawn(width, height, seed).jpeg({ quality: 90 }).toBuffer()
}

/** Good images that are unlike the others: name -> bytes, size, and what `prepare` says of them. */
export async function oddImages(): Promise<
  readonly { name: string; bytes: Buffer; width: number; height: number; format: string; what: RegExp | null }[]
> {
  const jpeg = await jpegOf(1)
  const withExif = await drawn(40, 30, 2).jpeg().withMetadata({ orientation: 6 }).toBuffer()
  const brokenExif = Buffer.from(withExif)
  const exif = brokenExif.indexOf('Exif\0\0')
  brokenExif.fill(0xff, exif + 6, exif + 20)
  const frames = Buffer.concat(await Promise.all([1, 2].map((seed) => drawn(40, 30, seed).raw().toBuffer())))
  const animated = sharp(frames, { raw: { width: 40, height: 60, channels: 3, pageHeight: 30 } })
  const usual = { width: 40, height: 30, what: null }
  return [
    { name: 'plain.JPEG', bytes: jpeg, format: 'jpeg', ...usual },
    {
      name: 'png.JPEG',
      bytes: await drawn(40, 30, 3).png().toBuffer(),
      format: 'png',
      ...usual,
      what: /png by its bytes/,
    },
    { name: 'rgba.png', bytes: await drawn(40, 30, 3).ensureAlpha(0.5).png().toBuffer(), format: 'png', ...usual },
    { name: 'webp.webp', bytes: await drawn(40, 30, 4).webp().toBuffer(), format: 'webp', ...usual },
    {
      name: 'cmyk.JPEG',
      bytes: await drawn(40, 30, 5).toColourspace('cmyk').jpeg().toBuffer(),
      format: 'jpeg, CMYK',
      ...usual,
      what: /CMYK/,
    },
    {
      name: 'grey.jpg',
      bytes: await drawn(40, 30, 6).greyscale().toColourspace('b-w').jpeg().toBuffer(),
      format: 'jpeg, grey',
      ...usual,
    },
    {
      name: 'progressive.jpg',
      bytes: await drawn(40, 30, 7).jpeg({ progressive: true }).toBuffer(),
      format: 'jpeg',
      ...usual,
    },
    { name: 'turned.jpg', bytes: withExif, format: 'jpeg', ...usual },
    { name: 'broken-exif.jpg', bytes: brokenExif, format: 'jpeg', ...usual },
    { name: 'trailing.jpg', bytes: Buffer.concat([jpeg, Buffer.alloc(500)]), format: 'jpeg', ...usual },
    { name: 'tiny.jpg', bytes: await jpegOf(8, 1, 1), format: 'jpeg', width: 1, height: 1, what: null },
    { name: 'huge.jpg', bytes: await jpegOf(9, 4200, 2500), format: 'jpeg', width: 4200, height: 2500, what: null },
    {
      name: 'animated.gif',
      bytes: await animated.gif().toBuffer(),
      format: 'gif',
      ...usual,
      what: /2 pictures, of which the first is taken/,
    },
  ]
}

/** Files that are no whole images: name -> bytes and the reason that `prepare` gives. */
export async function badImages(): Promise<readonly { name: string; bytes: Buffer; reason: RegExp }[]> {
  const jpeg = await jpegOf(1, 200, 150)
  const png = await drawn(200, 150, 2).png().toBuffer()
  const cut = (bytes: Buffer, part: number) => bytes.subarray(0, Math.floor(bytes.length * part))
  const changed = (bytes: Buffer, at: number, values: readonly number[]) => {
    const copy = Buffer.from(bytes)
    copy.set(values, at)
    return copy
  }
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]))
  return [
    { name: 'empty.jpg', bytes: Buffer.alloc(0), reason: /it is empty/ },
    { name: 'page.jpg', bytes: Buffer.from('<!doctype html><p>404'), reason: /begins with "<!doctype html>/ },
    { name: 'drawing.jpg', bytes: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), reason: /no JPEG/ },
    { name: 'bitmap.bmp', bytes: Buffer.concat([Buffer.from('BM'), Buffer.alloc(100)]), reason: /a head of 0 bytes/ },
    {
      name: 'photo.jpg',
      bytes: Buffer.from('\0\0\0\x1cftypavif\0\0\0\0'),
      reason: /a file of AVIF, which is not read/,
    },
    { name: 'header.jpg', bytes: jpeg.subarray(0, 3), reason: /\S/ },
    { name: 'a-tenth.jpg', bytes: cut(jpeg, 0.1), reason: /\S/ },
    { name: 'half.jpg', bytes: cut(jpeg, 0.5), reason: /premature end/ },
    { name: 'no-end.jpg', bytes: jpeg.subarray(0, -2), reason: /premature end/ },
    { name: 'end-within.jpg', bytes: changed(jpeg, jpeg.length >> 1, [0xff, 0xd9]), reason: /premature end of data/ },
    {
      name: 'marker-within.jpg',
      bytes: changed(jpeg, jpeg.length >> 1, [0xff, 0xc4]),
      reason: /premature end of data/,
    },
    { name: 'zero-size.jpg', bytes: changed(jpeg, frame + 5, [0, 0, 0, 0]), reason: /\S/ },
    { name: 'claims-65535.jpg', bytes: changed(jpeg, frame + 5, [0xff, 0xff, 0xff, 0xff]), reason: /\S/ },
    { name: 'half.png', bytes: cut(png, 0.5), reason: /\S/ },
    { name: 'changed.png', bytes: changed(png, png.length >> 1, [1, 2, 3, 4]), reason: /\S/ },
  ]
}
