/** What an export says of itself: classes, network, and how images are prepared for it. */
import { descriptionMetadata } from '../../train/checkpoint/model-description.ts'
import type { DeployedModel } from '../model/open-model.ts'

/** How the images are prepared whose pixels the model takes, for programs that read it. */
export interface PreparationRecord {
  readonly colours: 'RGB'
  /** Short side in pixels after a resize of the whole image. */
  readonly resize: number
  readonly interpolation: 'bilinear, antialiased'
  /** Height and width of the middle that is taken. */
  readonly crop: readonly [number, number]
  /** Height and width of the input, with zeros around the crop where it is larger. */
  readonly input: readonly [number, number]
  /** What happens to pixels of 0..255: divided by 255, less `mean`, divided by `std`, each a number a channel. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** Whether the model does that by itself. */
  readonly normalisedInside: boolean
}

function preparationRecord({ preparation, description }: DeployedModel, normalisedInside: boolean) {
  const { resize, crop, input } = preparation
  const { mean, std } = description
  return {
    ...({ colours: 'RGB', resize, interpolation: 'bilinear, antialiased' } as const),
    crop: [crop.height, crop.width],
    input: [input.height, input.width],
    ...{ mean, std, normalisedInside },
  } as const satisfies PreparationRecord
}

/** As values. */
export function exportRecord(model: DeployedModel, normalisedInside: boolean): Record<string, unknown> {
  const members = Object.entries(exportMetadata(model, normalisedInside))
  return Object.fromEntries(members.map(([name, value]) => [name, JSON.parse(value)]))
}

/** Each member as JSON, for formats whose metadata are texts. */
export function exportMetadata(model: DeployedModel, normalisedInside: boolean): Record<string, string> {
  return {
    ...descriptionMetadata(model.description),
    member: JSON.stringify(model.member),
    ...(model.step === null ? {} : { step: JSON.stringify(model.step) }),
    preparation: JSON.stringify(preparationRecord(model, normalisedInside)),
  }
}
