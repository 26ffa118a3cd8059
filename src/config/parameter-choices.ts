/** Which parameters of a run `--freeze` and `--lr-scale` mean. */
import type { Parameter } from '../engine/graph/graph-builder.ts'
import { parameterOwner } from '../engine/methods/deployed-parameters.ts'
import type { MethodName } from '../engine/methods/registry.ts'
import type { StepSpecification } from '../engine/step/capture.ts'
import { expected } from '../vocabulary/fault.ts'
import { choosesParameter, parseFactors, parsePatterns } from './parameter-patterns.ts'
import type { RunConfig } from './run-config.ts'

type Choices = Pick<RunConfig, 'freeze' | 'lrScale' | 'method'>

/** What `--freeze` and `--lr-scale` say of a parameter, by its name or the one that it has in the plain network. */
export function parameterChoices({
  freeze,
  lrScale,
  method,
}: Choices): Pick<StepSpecification, 'isFrozen' | 'rateFactor'> {
  const frozen = freeze === null ? null : parsePatterns(freeze)
  const factors = lrScale === null ? null : parseFactors(lrScale)
  const namesOf = (name: string) => allNames(name, method)
  return {
    ...(frozen !== null && {
      isFrozen: (name) => choosesParameter(frozen, namesOf(name)),
    }),
    ...(factors !== null && {
      rateFactor: (name) => factors.find(({ pattern }) => choosesParameter([pattern], namesOf(name)))?.factor ?? 1,
    }),
  }
}

/** Its name, and the one that it has in the plain network: `branches.1.fc.weight` is `fc.weight`, too. */
function allNames(name: string, method: MethodName): string[] {
  const owner = parameterOwner(name, method)
  return typeof owner === 'object' ? [name, owner.name] : [name]
}

/**
 * @param parameters of the training step that was captured with these choices
 * @throws UserFault for a pattern that means none of them, and where nothing is left to train
 */
export function checkParameterChoices({ freeze, lrScale, method }: Choices, parameters: readonly Parameter[]): void {
  const check = (flag: string, patterns: readonly string[], kind: Parameter['kind']) => {
    const names = parameters.filter((parameter) => parameter.kind === kind).map(({ name }) => allNames(name, method))
    const odd = patterns.find((pattern) => !names.some((all) => choosesParameter([pattern], all)))
    if (odd === undefined) return
    const remedy =
      'native-ensemble summary <network> lists the layers; all of a batch norm is frozen, or nothing of it.'
    throw expected(
      `a layer or parameter of this network${kind === 'weight' ? ' that is trained' : ''}`,
      flag,
      odd,
      remedy,
    )
  }
  if (freeze !== null) {
    const patterns = (parsePatterns(freeze) ?? []).filter((pattern) => !pattern.startsWith('!'))
    check('--freeze', patterns, 'frozen')
    if (parameters.every(({ kind }) => kind !== 'weight')) {
      throw expected('a parameter to train', '--freeze', freeze, "Leave the classifier out: --freeze '*,!fc', say.")
    }
  }
  if (lrScale !== null) {
    const patterns = (parseFactors(lrScale) ?? []).map(({ pattern }) => pattern)
    check('--lr-scale', patterns, 'weight')
  }
}
