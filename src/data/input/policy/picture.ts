/** An image that an augmentation policy changes in place. */
export interface Picture {
  /** [height, width, 3] 0 - 255, red, green, blue. */
  readonly pixels: Uint8Array
  /** As many bytes as `pixels`, for operations that read what they have overwritten. */
  readonly scratch: Uint8Array
  readonly height: number
  readonly width: number
}
