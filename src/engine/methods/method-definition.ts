/** What the rest of the program has to know of a method: each file of a method has one, registry.ts lists them. */
import type { Network } from '../networks/network.ts'
import type { Method } from './method.ts'

/** Settings of a run that methods read; a RunConfig has them. What each means stands there. */
export interface MethodSettings {
  readonly branches: number
  readonly distill: 'on' | 'off'
  readonly share: 'low' | 'none'
  readonly gate: 'learned' | 'average'
  readonly peers: string
  readonly teacher: string | null
  readonly teacherNetwork: string | null
  readonly teacherBlock: 'auto' | 'basic' | 'bottleneck'
  readonly alpha: number
  readonly dkdAlpha: number
  readonly dkdBeta: number
  readonly kdclTarget: 'naive' | 'min-logit'
  readonly snapshots: number
  readonly rampUp: number
  readonly temperature: number
}

export type MethodSetting = keyof MethodSettings

/** Settings that a method does not own, but that may contradict what it does. */
export interface ScheduleSettings {
  readonly schedule: string
  readonly epochs: number
  readonly steps: number | null
}

type JudgedSettings = MethodSettings & ScheduleSettings

/** Settings that do not go together; the sentence is "Expected <what> for <name> but received <received>". */
export interface SettingConflict {
  readonly what: string
  readonly name: string
  readonly received: unknown
  readonly remedy: string
}

/** A check of a method's settings with each other, asked for the runs of the method only. */
export interface SettingRule {
  /** It is not asked where one of these is wrong by itself. */
  readonly between: readonly (keyof JudgedSettings)[]
  /** @param given settings that the user named */
  find(settings: JudgedSettings, given: ReadonlySet<string>): SettingConflict | null
}

/** What the classifiers of a run are called where people read of them. */
export interface ClassifierNames {
  /** One of several that were trained together: `branch`, with its number behind. */
  readonly member: string
  /** Of all of those. */
  readonly mean: string
  /** The classifier that all together make. */
  readonly ensemble: string
}

/** A setting of a run as text; empty where its file does not have it. */
export type SettingWord = (setting: MethodSetting) => string

/** The networks that a method trains together. */
export interface Members {
  /** `branches` = what only member i owns is called `branches.<i>.*`; null where there is one plain network. */
  readonly scope: string | null
  names(word: SettingWord): ClassifierNames
  /** What is deployed of them, and what is trained: `one branch`, `all branches`; null where that is the same. */
  readonly deployed: string
  readonly trained: string | null
}

/** Networks that a method trains or learns from beside the target, found when they are asked for. */
export interface OtherNetworks {
  /** Those of `peers`, the target first. */
  peers(): Network[]
  /** That of `teacherNetwork`. @throws UserFault where nothing says which */
  teacher(): Network
}

export interface MethodDefinition {
  /** For the help of `--method`. */
  readonly help: string
  /** For the title of a report: `ONE with 3 branches`. */
  title(word: SettingWord): string
  /** For a row among other runs, with all that makes it another method than its neighbours; the title where left out. */
  rowTitle?(word: SettingWord): string
  /** All settings of MethodSettings that it reads; others are refused with it. */
  readonly reads: readonly MethodSetting[]
  /** Settings whose default is the method's own. @param teacher as it was given, null for none */
  defaults(teacher: unknown): Partial<MethodSettings>
  /** The schedule that it trains by, which no other method has; null for any of the others. */
  readonly schedule: 'cosine-cycles' | null
  /** Part of the run over which its distillation comes in by default, where it is not ONE's 80 of 300 epochs. */
  readonly rampUpShare?: number
  readonly rules: readonly SettingRule[]
  readonly members: Members
  /**
   * The classifier that the members make together: `none`, `trained` = predicted in each step from all that is trained,
   * `snapshots` = of networks that are saved at the ends of the learning rate's cycles, one after the other.
   */
  readonly ensemble: 'none' | 'trained' | 'snapshots'
  /** First part of the names of parameters that are there for training only, and are not deployed with a member. */
  readonly trainingOnly: readonly string[]
  /** Whether it learns from a network that was trained before; what that owns is then called `teacher.*`. */
  readonly teacher: boolean
  create(settings: MethodSettings, others: OtherNetworks): Method
}

/** First part of the names of what a teacher owns that was trained before. */
export const TEACHER_SCOPE = 'teacher'
