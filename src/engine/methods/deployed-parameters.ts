/** Which parameters of all that was trained are deployed with one member, and under which names. */
import { METHOD_NAMES, METHODS, type MethodName } from './registry.ts'

/** `shared` = of all members, under its own name; `training` = there for training only. */
export type ParameterOwner = 'shared' | 'training' | { readonly member: number; readonly name: string }

/** @param method that trained it; null where nothing says which, the scopes of all methods then count */
export function parameterOwner(name: string, method: MethodName | null): ParameterOwner {
  const definitions = (method === null ? METHOD_NAMES : [method]).flatMap((known) => METHODS[known] ?? [])
  const [scope = '', index = '', ...own] = name.split('.')
  if (definitions.some(({ trainingOnly }) => trainingOnly.includes(scope))) return 'training'
  const isMember = definitions.some(({ members }) => members.scope === scope)
  if (!isMember || own.length === 0 || !/^\d+$/.test(index)) return 'shared'
  return { member: Number(index), name: own.join('.') }
}
