/** An export of a small network that nobody has trained, for tests of what is made of exports. */
import { WITHOUT_METHOD } from '../../src/config/defaults.ts'
import { CATALOGUE } from '../../src/data/datasets/catalogue.ts'
import { writeWholeSafetensors } from '../../src/train/checkpoint/export.ts'
import { descriptionMetadata } from '../../src/train/checkpoint/model-description.ts'
import { drawPlainCifar } from './drawn-models.ts'

/** @returns its path */
export async function writeExportOf(path: string): Promise<string> {
  const { classNames, height, width, mean, std } = CATALOGUE.cifar10.description
  const tensors = [...drawPlainCifar(classNames.length).tensors.values()]
  const architecture = { ...WITHOUT_METHOD, network: 'resnet-8', block: 'auto', method: 'vanilla' } as const
  const { branches, share, gate, peers, teacherNetwork, teacherBlock, ...named } = architecture
  const { network, block, method } = named
  const own = { network, block, method, branches, share, gate, peers, teacherNetwork, teacherBlock }
  const description = { classNames, height, width, mean, std, dataset: 'cifar10', architecture: own }
  await writeWholeSafetensors(path, tensors, { format: 'pt', ...descriptionMetadata(description) })
  return path
}
