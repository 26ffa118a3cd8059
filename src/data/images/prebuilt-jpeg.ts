/** libjpeg-turbo as a prebuilt package, for machines on which the addon could not be built. */
import { createRequire } from 'node:module'
import type { DecodedImage } from './decoded-image.ts'

export interface PrebuiltJpeg {
  /** @throws Error for what is no JPEG of grey or three colours, or one that cannot be decoded */
  decodeWhole(bytes: Uint8Array): DecodedImage
}

/** What we use of `@julusian/jpeg-turbo`. */
interface JpegTurboPackage {
  readonly FORMAT_RGB: number
  decompressSync(
    bytes: Uint8Array,
    options: { readonly format: number },
  ): { readonly data: Uint8Array; readonly width: number; readonly height: number }
}

/** What version 3 of the package asks for. Seen with Node 20.20: loading it ends the process with a segmentation fault. */
const OLDEST_NODE = [22, 18] as const

/** The package, or why it cannot be loaded: it is an optional one. */
export function loadPrebuiltJpeg(): PrebuiltJpeg | { readonly absence: string } {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    return { absence: `@julusian/jpeg-turbo needs Node ${OLDEST_NODE.join('.')} or newer` }
  }
  try {
    // An optional package has no types where it is not installed: this cast is the border.
    const jpegTurbo = createRequire(import.meta.url)('@julusian/jpeg-turbo') as JpegTurboPackage
    return {
      decodeWhole(bytes) {
        const { data, width, height } = jpegTurbo.decompressSync(bytes, { format: jpegTurbo.FORMAT_RGB })
        return { pixels: data, width, height }
      },
    }
  } catch (cause) {
    return { absence: cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause) }
  }
}
