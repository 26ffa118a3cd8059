/** Images that are trained on. */
import { DATASET_NAMES, DATASET_WORDS, PREPARED_DATASETS } from '../../vocabulary/dataset-name.ts'
import { type Need, setting } from '../setting.ts'
import { number, oneOf, orNull, orOwn, PATH, wholeNumber } from '../values.ts'

/** Only photographs in shards have a use for it. */
export function photographsOnly(flag: string): Need {
  return {
    setting: 'dataset',
    values: PREPARED_DATASETS,
    expects: '--dataset imagenet or image-folder',
    remedy: `Leave ${flag} out.`,
  }
}

export const DATA_SETTINGS = {
  dataset: setting(orOwn('dataset', oneOf(DATASET_NAMES)), {
    flag: '--dataset',
    value: '<name>',
    help: `${DATASET_WORDS}; or ./mine.js, a module of your own`,
    default: 'cifar100',
    report: 'row',
    commands: ['summary', 'bench step'],
  }),
  /** Folder or archive with the images; null = where `fetch` puts them. */
  data: setting(orNull(PATH), {
    flag: '--data',
    value: '<path>',
    help: 'folder or archive with the images, where they are not where `fetch` puts them; for imagenet and image-folder the shards that `prepare` made',
    default: null,
    report: 'none',
    onResume: 'free',
    hosts: 'own',
    commands: ['resume', 'evaluate', 'summary', 'bench step'],
    aliases: ['--data-dir', '--data-path', '--data-root', '--dataset-path', '--root'],
  }),
  /** Standard deviation of all channels of the input; null = the dataset's own. */
  inputStd: setting(orNull(number({ above: 0 })), {
    flag: '--input-std',
    value: '<s>',
    help: "standard deviation that pixels of 0..1 are divided by, instead of the dataset's own",
    default: null,
    report: 'difference',
  }),
  /** Of images in shards; null = what the shards' manifest says. */
  imageSize: setting(orNull(wholeNumber({ from: 32, to: 1024 })), {
    flag: '--image-size',
    value: '<pixels>',
    help: "height and width of the network's input for imagenet and image-folder (default 224)",
    default: null,
    needs: [photographsOnly('--image-size')],
    report: 'difference',
    commands: ['bench step'],
    aliases: ['--img-size', '--input-size', '--resolution', '--crop-size'],
  }),
  /** Part of the training images that is trained on, of each class equally. */
  trainFraction: setting(number({ above: 0, to: 1 }), {
    flag: '--train-fraction',
    value: '<f>',
    help: 'part of the training images to train on, the same images in every run; 0.1 = a tenth of each class',
    default: 1,
    report: 'row',
  }),
}
