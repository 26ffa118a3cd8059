/** What is known of each dataset before a byte of it is read: sizes, checksums, homes, classes, colour statistics. */
import type { PublishedName } from '../../vocabulary/dataset-name.ts'
import type { DatasetDescription, SplitName } from './dataset.ts'

/** A file of a dataset as its home publishes it. */
export interface DatasetFile {
  readonly name: string
  /** Size of what `sha256` covers. */
  readonly bytes: number
  /** `contents`: of the decompressed bytes, where two homes serve the same bytes compressed differently. */
  readonly sha256: string
  readonly sha256Of: 'file' | 'contents'
  /** Where it can be had, tried in this order. */
  readonly addresses: readonly string[]
}

export interface DatasetEntry {
  readonly description: DatasetDescription
  /** Size of its images where they are smaller than the network's input, in whose middle they then are. */
  readonly stored?: { readonly height: number; readonly width: number }
  readonly files: readonly DatasetFile[]
  /** Debian and Ubuntu package with the same files, tried before the addresses. */
  readonly debianPackage: string | null
  /** Page that tells people where the files are. */
  readonly home: string
  /** Images of the whole dataset. */
  readonly images: Readonly<Record<SplitName, number>>
}

const FASHION_MNIST = [
  'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com',
  'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion',
]
const TORONTO = 'https://www.cs.toronto.edu/~kriz'

function fashionFile(name: string, bytes: number, sha256: string): DatasetFile {
  const addresses = FASHION_MNIST.map((home) => `${home}/${name}.gz`)
  return { name: `${name}.gz`, bytes, sha256, sha256Of: 'contents', addresses }
}

const CIFAR100_CLASSES = `
  apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
  caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
  forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
  mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
  possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
  sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
  willow_tree wolf woman worm`

/** Colour statistics of the training images over 255, as the paper's code has them. */
const CIFAR_COLOURS = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] } as const
/** Grey statistics of the 28 x 28 training images over 255, repeated over the three channels. */
const FASHION_COLOURS = { mean: [0.286, 0.286, 0.286], std: [0.353, 0.353, 0.353] } as const
const INPUT = { height: 32, width: 32, channels: 3 } as const

/** The digits as they are, to -1 .. 1. */
const SVHN_COLOURS = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const
const STANFORD = 'http://ufldl.stanford.edu/housenumbers'
const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] as const

function svhnFile(name: string, bytes: number, sha256: string): DatasetFile {
  return { name, bytes, sha256, sha256Of: 'file', addresses: [`${STANFORD}/${name}`] }
}

const SVHN_TRAIN = svhnFile(
  'train_32x32.mat',
  182_040_794,
  '435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8',
)
const SVHN_EXTRA = svhnFile(
  'extra_32x32.mat',
  1_329_278_602,
  'a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3',
)
const SVHN_TEST = svhnFile(
  'test_32x32.mat',
  64_275_384,
  'cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b',
)

export const CATALOGUE = {
  'fashion-mnist': {
    description: {
      name: 'fashion-mnist',
      classNames: [
        'T-shirt/top',
        'Trouser',
        'Pullover',
        'Dress',
        'Coat',
        'Sandal',
        'Shirt',
        'Sneaker',
        'Bag',
        'Ankle boot',
      ],
      ...FASHION_COLOURS,
      ...INPUT,
    },
    stored: { height: 28, width: 28 },
    files: [
      fashionFile(
        'train-images-idx3-ubyte',
        47_040_016,
        'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
      ),
      fashionFile(
        'train-labels-idx1-ubyte',
        60_008,
        'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
      ),
      fashionFile(
        't10k-images-idx3-ubyte',
        7_840_016,
        '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
      ),
      fashionFile('t10k-labels-idx1-ubyte', 10_008, '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34'),
    ],
    debianPackage: 'dataset-fashion-mnist',
    home: 'https://github.com/zalandoresearch/fashion-mnist',
    images: { train: 60_000, test: 10_000 },
  },
  cifar10: {
    description: {
      name: 'cifar10',
      classNames: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
      ...CIFAR_COLOURS,
      ...INPUT,
    },
    files: [
      {
        name: 'cifar-10-binary.tar.gz',
        bytes: 170_052_171,
        sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
        sha256Of: 'file',
        addresses: [`${TORONTO}/cifar-10-binary.tar.gz`],
      },
    ],
    debianPackage: null,
    home: `${TORONTO}/cifar.html`,
    images: { train: 50_000, test: 10_000 },
  },
  cifar100: {
    description: {
      name: 'cifar100',
      classNames: CIFAR100_CLASSES.trim().split(/\s+/),
      ...CIFAR_COLOURS,
      ...INPUT,
    },
    files: [
      {
        name: 'cifar-100-binary.tar.gz',
        bytes: 168_513_733,
        sha256: '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec',
        sha256Of: 'file',
        addresses: [`${TORONTO}/cifar-100-binary.tar.gz`],
      },
    ],
    debianPackage: null,
    home: `${TORONTO}/cifar.html`,
    images: { train: 50_000, test: 10_000 },
  },
  svhn: {
    description: { name: 'svhn', classNames: DIGITS, ...SVHN_COLOURS, ...INPUT },
    files: [SVHN_TRAIN, SVHN_EXTRA, SVHN_TEST],
    debianPackage: null,
    home: `${STANFORD}/`,
    images: { train: 73_257 + 531_131, test: 26_032 },
  },
  'svhn-no-extra': {
    description: { name: 'svhn-no-extra', classNames: DIGITS, ...SVHN_COLOURS, ...INPUT },
    files: [SVHN_TRAIN, SVHN_TEST],
    debianPackage: null,
    home: `${STANFORD}/`,
    images: { train: 73_257, test: 26_032 },
  },
} as const satisfies Record<PublishedName, DatasetEntry>
