import type { Initialiser, Parameter } from '../graph/graph-builder.ts'
import { findState, type StateLayout, viewState } from '../graph/state-layout.ts'
import { type RandomStream, randomStream } from '../vocabulary/random.ts'

/**
 * Fills the weights and statistics of a state from the seed; momentum is zeroed. Each parameter has a random stream of
 * its own, numbered in order of declaration.
 */
export function drawInitialState(
  parameters: readonly Parameter[],
  layout: StateLayout,
  state: SharedArrayBuffer,
  seed: number,
): void {
  new Float32Array(state).fill(0)
  parameters.forEach(({ name, initial }, index) => {
    const elements = viewState(findState(layout, name), state)
    const stream = randomStream(seed, 'weights', index)
    for (let place = 0; place < elements.length; place++) elements[place] = draw(initial, stream)
  })
}

function draw(initial: Initialiser, stream: RandomStream): number {
  switch (initial.draw) {
    case 'normal':
      return initial.std * stream.normal()
    case 'uniform':
      return initial.bound * (2 * stream.uniform() - 1)
    case 'constant':
      return initial.value
  }
}
