/**
 * ILSVRC2012's development kit: which class each validation image has. Its class ids are not in the order of the WordNet
 * ids: `meta.mat` has the WordNet id of each, `ILSVRC2012_validation_ground_truth.txt` the id of image n in line n.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expected } from '../../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../../vocabulary/file-fault.ts'
import { ILSVRC2012 } from '../ilsvrc2012.ts'
import { type MatFields, type MatValue, readMat } from '../mat-file.ts'
import { readSourceFile } from '../source-file.ts'
import { readTar } from '../tar.ts'

const TRUTH = 'ILSVRC2012_validation_ground_truth.txt'
const META = 'meta.mat'
/** Ten times what the published archive unpacks to. */
const MOST_BYTES = 100 << 20

export interface Devkit {
  /** WordNet id -> words, e.g. n01440764 -> tench, Tinca tinca. */
  readonly names: ReadonlyMap<string, string>
  /** WordNet id of validation image `number`, counted from 1. @throws UserFault where the devkit has no such image */
  readonly classOf: (number: number) => string
}

/**
 * @param folder with the archive, or with the folder it was unpacked to
 * @throws UserFault where it is not there, damaged, or another devkit
 */
export async function readDevkit(folder: string): Promise<Devkit> {
  const { truth, meta, path } = await readFiles(folder)
  const synsets = await readSynsets(meta, path)
  const ids = truth.toString('latin1').trim().split(/\s+/).map(Number)
  return {
    names: new Map([...synsets.values()].map(({ wordNetId, words }) => [wordNetId, words])),
    classOf(number) {
      const id = ids[number - 1]
      const synset = id === undefined ? undefined : synsets.get(id)
      if (synset === undefined) {
        throw expected('the class of each validation image', path, `none for image ${number}`, REMEDY)
      }
      return synset.wordNetId
    },
  }
}

const REMEDY = `Take ${ILSVRC2012.devkitArchive} from ${ILSVRC2012.home}: it is the devkit of tasks 1 and 2 of 2012.`

async function readFiles(folder: string): Promise<{ truth: Buffer; meta: Buffer; path: string }> {
  const unpacked = join(folder, ILSVRC2012.devkitFolder, 'data')
  try {
    const [truth, meta] = [await readFile(join(unpacked, TRUTH)), await readFile(join(unpacked, META))]
    return { truth, meta, path: unpacked }
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw fileFault(error, 'read', unpacked)
  }
  const path = join(folder, ILSVRC2012.devkitArchive)
  const files = readTar((await readSourceFile(path, MOST_BYTES)).contents, path)
  const [truth, meta] = [files.get(TRUTH), files.get(META)]
  if (truth === undefined || meta === undefined) {
    throw expected(`${TRUTH} and ${META}`, path, [...files.keys()].slice(0, 8).join(', ') || 'no files', REMEDY)
  }
  return { truth, meta, path }
}

interface Synset {
  readonly wordNetId: string
  readonly words: string
}

/** The leaves of the hierarchy, which are the classes, by their ids. */
async function readSynsets(meta: Buffer, path: string): Promise<Map<number, Synset>> {
  async function* whole(): AsyncGenerator<Buffer, void, undefined> {
    yield meta
  }
  const table = (await readMat(whole(), `${META} in ${path}`)).get('synsets')
  const synsets = new Map<number, Synset>()
  for (const fields of table?.kind === 'structs' ? table.items : []) {
    const id = numberOf(fields.get('ILSVRC2012_ID'))
    const wordNetId = textOf(fields, 'WNID')
    if (id !== null && wordNetId !== '' && numberOf(fields.get('num_children')) === 0) {
      synsets.set(id, { wordNetId, words: textOf(fields, 'words') || wordNetId })
    }
  }
  if (synsets.size === 0) throw expected('the table synsets with its classes', `${META} in ${path}`, 'none', REMEDY)
  return synsets
}

function numberOf(value: MatValue | undefined): number | null {
  return value?.kind === 'numbers' ? (value.data[0] ?? null) : null
}

function textOf(fields: MatFields, name: string): string {
  const value = fields.get(name)
  return value?.kind === 'text' ? value.text : ''
}
