/** The convolutions of single channels that MobileNetV2 has (Sandler et al., 2018, table 2), for images of 224 and of CIFAR's 32. */

/** Square images and kernels; padding keeps the size, up to the stride. */
export interface DepthwiseLayer {
  readonly channels: number
  /** Height and width of the input. */
  readonly size: number
  readonly kernel: number
  readonly stride: number
}

const three = (channels: number, size: number, stride = 1): DepthwiseLayer => ({ channels, size, kernel: 3, stride })

export const DEPTHWISE_LAYERS: readonly DepthwiseLayer[] = [
  three(32, 112),
  three(96, 112, 2),
  three(144, 56),
  three(144, 56, 2),
  three(192, 28),
  three(384, 14),
  three(576, 14, 2),
  three(960, 7),
  // CIFAR's.
  three(96, 32),
  three(144, 16),
  three(384, 8),
  // EfficientNet's larger kernel, on a size of the same network.
  { channels: 144, size: 28, kernel: 5, stride: 1 },
]

export const layerName = ({ channels, size, kernel, stride }: DepthwiseLayer): string =>
  `${channels} at ${size} x ${size}, ${kernel}x${kernel}${stride === 1 ? '' : ` stride ${stride}`}`
