import { readFile } from 'node:fs/promises'
import { readSafetensors, type StoredTensor } from '../../src/train/checkpoint/safetensors.ts'
import { fixturePath } from '../fixtures-folder.ts'

/** Numbers that PyTorch wrote for one operation (scripts/pytorch/op_cases.py). */
export interface PyTorchCase {
  /** @throws Error where the case has no such number */
  setting(name: string): number
  /** @throws Error where the case has no such tensor */
  tensor(role: string): StoredTensor
}

/** All operations, or runs of optimizers, by name. */
export async function readPyTorchCases(file: 'ops' | 'optimizers' = 'ops'): Promise<(name: string) => PyTorchCase> {
  const description: unknown = JSON.parse(await readFile(fixturePath(`pytorch/${file}.json`), 'utf8'))
  // Labels are whole numbers, which the reader of weights refuses; tests repeat them.
  const ignore = (name: string) => name.endsWith('.labels')
  const stored = await readSafetensors(fixturePath(`pytorch/${file}.safetensors`), { ignore })
  const tensors = new Map(stored.map((tensor) => [tensor.name, tensor]))
  return (name) => ({
    setting: (key) => {
      const value = [`cases`, name, key].reduce(memberOf, description)
      if (typeof value !== 'number') throw new Error(`Expected a number for ${name}.${key} in ${file}.json`)
      return value
    },
    tensor: (role) => {
      const tensor = tensors.get(`${name}.${role}`)
      if (tensor === undefined) throw new Error(`Expected ${name}.${role} in ${file}.safetensors`)
      return tensor
    },
  })
}

/** Member of a JSON object, undefined where it has none. */
export function memberOf(value: unknown, key: string): unknown {
  const member = typeof value === 'object' && value !== null && Object.entries(value).find(([name]) => name === key)
  return member === false || member === undefined ? undefined : member[1]
}
