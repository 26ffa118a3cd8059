/** How training images are changed and in what order they come. */
import { LEAVE_ONE } from '../config-fault.ts'
import { setting } from '../setting.ts'
import { number, oneOf, orOwn, wholeNumber } from '../values.ts'
import { photographsOnly } from './data-settings.ts'

/** Noise is a part of the augmentation: none of it goes with `--augment none`. */
const AUGMENTED = {
  setting: 'augment',
  values: ['standard'],
  expects: '--augment standard',
  remedy: LEAVE_ONE,
  unless: 0,
} as const

const RAND_AUGMENT = {
  setting: 'augmentPolicy',
  values: ['rand'],
  expects: '--augment-policy rand',
  remedy: LEAVE_ONE,
} as const

/** Beta(100, 100) is next to always a half. */
const ALPHA = number({ from: 0, to: 100 })

export const AUGMENTATION_SETTINGS = {
  augment: setting(orOwn('augmentation', oneOf(['standard', 'none'])), {
    flag: '--augment',
    value: '<name>',
    help: 'standard = pad 4, random crop, horizontal flip; for imagenet and image-folder random resized crop and flip; none; or ./mine.js, a module of your own',
    default: 'standard',
    report: 'difference',
    aliases: ['--augmentation', '--aug', '--transform'],
  }),
  augmentPolicy: setting(oneOf(['none', 'trivial', 'rand', 'auto-imagenet', 'auto-cifar10', 'auto-svhn']), {
    flag: '--augment-policy',
    value: '<name>',
    help: 'after crop and flip: trivial = TrivialAugmentWide, rand = RandAugment, auto-imagenet, auto-cifar10 and auto-svhn = the policies of AutoAugment; none',
    default: 'none',
    needs: [{ ...AUGMENTED, unless: 'none' }],
    report: 'difference',
    earlierWords: {
      ta_wide: 'trivial',
      ra: 'rand',
      randaugment: 'rand',
      imagenet: 'auto-imagenet',
      cifar10: 'auto-cifar10',
    },
    aliases: ['--auto-augment', '--autoaugment', '--aa'],
  }),
  augmentMagnitude: setting(wholeNumber({ from: 0, to: 30 }), {
    flag: '--augment-magnitude',
    value: '<m>',
    help: "RandAugment's magnitude of every operation, of 0 - 30",
    default: 9,
    needs: [RAND_AUGMENT],
    report: 'difference',
    aliases: ['--ra-magnitude', '--magnitude'],
  }),
  augmentOps: setting(wholeNumber({ from: 1, to: 14 }), {
    flag: '--augment-ops',
    value: '<n>',
    help: "RandAugment's operations of each image",
    default: 2,
    needs: [RAND_AUGMENT],
    report: 'difference',
    aliases: ['--ra-num-ops', '--num-ops'],
  }),
  /** Brightness, contrast and saturation change by factors of 1 +- this; 0 = not. */
  colourJitter: setting(number({ from: 0, below: 1 }), {
    flag: '--colour-jitter',
    value: '<s>',
    help: "brightness, contrast and saturation of training images times 1 +- s; Torch's ImageNet recipes have 0.4",
    default: 0,
    needs: [photographsOnly('--colour-jitter'), AUGMENTED],
    report: 'difference',
    aliases: ['--color-jitter', '--jitter'],
  }),
  /** Standard deviation of AlexNet's lighting noise along the colours' principal components; 0 = none. */
  pcaLighting: setting(number({ from: 0, to: 1 }), {
    flag: '--pca-lighting',
    value: '<std>',
    help: "noise along the principal components of ImageNet's colours; AlexNet and Torch's recipes have 0.1",
    default: 0,
    needs: [photographsOnly('--pca-lighting'), AUGMENTED],
    report: 'difference',
  }),
  randomErasing: setting(number({ from: 0, to: 1 }), {
    flag: '--random-erasing',
    value: '<p>',
    help: 'part of the training images in which a rectangle of 2 - 33 % becomes the mean colour',
    default: 0,
    needs: [AUGMENTED],
    report: 'difference',
    aliases: ['--reprob', '--erasing', '--cutout'],
  }),
  mixup: setting(ALPHA, {
    flag: '--mixup',
    value: '<alpha>',
    help: 'blends each training image with another of its batch, and their labels, by a share from Beta(alpha, alpha)',
    default: 0,
    needs: [AUGMENTED],
    report: 'difference',
  }),
  cutmix: setting(ALPHA, {
    flag: '--cutmix',
    value: '<alpha>',
    help: 'as --mixup, with a rectangle of the other image in place of the blend; with both each takes half of the batches',
    default: 0,
    needs: [AUGMENTED],
    report: 'difference',
  }),
  repeatedAugmentation: setting(wholeNumber({ from: 1, to: 64 }), {
    flag: '--repeated-augmentation',
    value: '<n>',
    help: 'each training image comes n times in its batch, augmented anew; an epoch is as long and takes a part 1/n of the images',
    default: 1,
    needs: [
      { ...AUGMENTED, unless: 1 },
      { setting: 'shuffle', values: ['epoch'], expects: '--shuffle epoch', remedy: LEAVE_ONE, unless: 1 },
    ],
    report: 'difference',
    aliases: ['--aug-repeats', '--ra-reps', '--repeated-aug'],
  }),
  shuffle: setting(oneOf(['epoch', 'none']), {
    flag: '--shuffle',
    value: '<name>',
    help: "epoch = a new order each epoch; none = the archive's order",
    default: 'epoch',
    report: 'difference',
  }),
}
