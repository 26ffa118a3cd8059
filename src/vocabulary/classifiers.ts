/** Names of the classifiers that one program has, in outputs and in metrics: its members by number, and their ensemble. */

/** Of the classifier that the members make together. */
export const ENSEMBLE = 'teacher'

/** Values of each member, and of their ensemble where there is one. */
export interface OfClassifiers<Of> {
  readonly branches: readonly Of[]
  readonly teacher: Of | null
}

/** Each with its name: `0`, `1`, ..., and `teacher`. */
export function nameClassifiers<Of>({ branches, teacher }: OfClassifiers<Of>): { name: string; of: Of }[] {
  const named = branches.map((of, member) => ({ name: `${member}`, of }))
  return teacher === null ? named : [...named, { name: ENSEMBLE, of: teacher }]
}

/** The other way round. @param find what is known under a name, undefined where there is no such classifier */
export function collectClassifiers<Of>(find: (name: string) => Of | undefined): OfClassifiers<Of> {
  const branches: Of[] = []
  for (let of = find('0'); of !== undefined; of = find(`${branches.length}`)) branches.push(of)
  return { branches, teacher: find(ENSEMBLE) ?? null }
}

/** The term that all methods have in common, of each classifier: `cross_entropy.<name>`. */
export const LABEL_TERM = 'cross_entropy'

/** What a part of the objective is called: `<term>`, or `<term>.<name>` where each classifier has its own. */
export function partName(term: string, classifier: string): string {
  return `${term}.${classifier}`
}

/** A part's term, and whose it is. */
export function readPartName(part: string): { term: string; of: 'all' | 'member' | 'ensemble'; classifier: string } {
  const dot = part.lastIndexOf('.')
  const [term, classifier] = dot < 0 ? [part, ''] : [part.slice(0, dot), part.slice(dot + 1)]
  if (classifier === ENSEMBLE) return { term, of: 'ensemble', classifier }
  return /^\d+$/.test(classifier) ? { term, of: 'member', classifier } : { term: part, of: 'all', classifier: '' }
}
