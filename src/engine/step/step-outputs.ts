/** What the outputs of a training step are to those who log them, so that nobody has to know a method's terms by name. */
export type OutputRole =
  /** The objective. */
  | { readonly role: 'loss' }
  /** One of the terms that the objective is the sum of. */
  | { readonly role: 'part' }
  /** Images of the batch that a classifier has right. */
  | { readonly role: 'hits'; readonly classifier: string }
  /** All-reduced gradient of a weight, for tests and studies. */
  | { readonly role: 'gradient' }

/** An output of a training step: what it is called, what it is, and how those of several replicas become one. */
export type StepOutput = OutputRole & {
  readonly name: string
  /** What the replicas' values make together: losses are means over equally many images, hits are counted. */
  readonly reduce: 'mean' | 'sum'
}

/** The replicas' values by name. @param results of each replica, in the order of the outputs */
export function reduceOutputs(
  outputs: readonly StepOutput[],
  results: readonly (readonly number[])[],
): Map<string, number> {
  return new Map(
    outputs.map(({ name, reduce }, place) => {
      const sum = results.reduce((total, values) => total + (values[place] ?? Number.NaN), 0)
      return [name, reduce === 'sum' ? sum : sum / results.length]
    }),
  )
}
