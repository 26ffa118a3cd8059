import { fillNormal, randomStream } from '../../vocabulary/random.ts'
import type { Initialiser, Parameter } from '../graph/graph-builder.ts'
import { findState, type StateLayout, viewState } from '../graph/state-layout.ts'

/**
 * Fills the weights and statistics of a state from the seed; the optimizer's is zero. Each parameter has a random stream of
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
    draw(viewState(findState(layout, name), state), initial, seed, index)
  })
}

function draw(elements: Float32Array, initial: Initialiser, seed: number, index: number): void {
  switch (initial.draw) {
    case 'normal':
      fillNormal(elements, initial.std, seed, 'weights', index)
      break
    case 'uniform': {
      const stream = randomStream(seed, 'weights', index)
      for (let place = 0; place < elements.length; place++) elements[place] = initial.bound * (2 * stream.uniform() - 1)
      break
    }
    case 'constant':
      elements.fill(initial.value)
  }
}
