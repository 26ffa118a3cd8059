// Files that you list yourself, in a format of your own: `native-ensemble train --dataset ./examples/own-files.js --data <folder>`.
// The folder has one folder for each class with files of raw pixels: 2 bytes of width and height, then red, green, blue.
// The decode threads load this module for `decode`; JPEG, PNG and the like need no decoder.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { defineDataset } from 'native-ensemble'

export const dataset = defineDataset({
  name: 'raw-pictures',
  classNames: ['cats', 'dogs'],
  height: 32,
  width: 32,
  decoder: import.meta.url,
  load: async ({ data }) => {
    const listed = await Promise.all(
      ['cats', 'dogs'].map(async (name, label) => {
        const folder = join(data ?? 'pictures', name)
        return (await readdir(folder)).toSorted().map((file) => ({ file: join(folder, file), label }))
      }),
    )
    // Each fifth picture tests.
    const all = listed.flat()
    const part = (/** @type {boolean} */ tests) => {
      const chosen = all.filter((_, place) => (place % 5 === 4) === tests)
      return { files: chosen.map(({ file }) => file), labels: chosen.map(({ label }) => label) }
    }
    return { train: part(false), test: part(true) }
  },
})

/** @type {import('native-ensemble').Decode} */
export const decode = (bytes) => {
  const [width = 0, height = 0] = bytes
  if (bytes.length !== 2 + 3 * width * height) throw new Error(`${bytes.length} bytes are no ${width} x ${height} pixels`)
  return { width, height, pixels: bytes.subarray(2) }
}
