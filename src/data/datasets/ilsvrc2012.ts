/** ImageNet's ILSVRC2012 classification images, as published; home, file names and counts. */

export const ILSVRC2012 = {
  home: 'https://image-net.org/challenges/LSVRC/2012/2012-downloads.php',
  trainArchive: 'ILSVRC2012_img_train.tar',
  validationArchive: 'ILSVRC2012_img_val.tar',
  /** Class ids of the validation images, and what they mean. */
  devkitArchive: 'ILSVRC2012_devkit_t12.tar.gz',
  devkitFolder: 'ILSVRC2012_devkit_t12',
  classes: 1000,
  images: { train: 1_281_167, test: 50_000 },
} as const

/** Colour statistics of its training images over 255, as torchvision has them; used for any photographs. */
export const PHOTOGRAPH_COLOURS = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const

/** A class by its WordNet id, e.g. n01440764. */
export const WORDNET_ID = /^n\d{8}$/

/** The official name of a validation image; the number is its line in the devkit. */
export const VALIDATION_NAME = /^ILSVRC2012_val_(\d{8})\.\w+$/i
