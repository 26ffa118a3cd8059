/**
 * Counts that must not be mixed up where they cross a border. Inside a kernel or a loop they are plain numbers.
 */
declare const unit: unique symbol
type Branded<Name extends string> = number & { readonly [unit]: Name }

/** Completed passes over the training set, counted from 0. */
export type Epoch = Branded<'epoch'>
/** Optimiser updates since the run began, counted from 0. */
export type Step = Branded<'step'>
/** Index of a slot in the ring between decode workers and replicas. */
export type SlotIndex = Branded<'slot'>

function wholeNumber(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Expected a whole number from 0 for ${name} but received ${value}`)
  }
  return value
}

// The brand exists for the compiler only: each constructor checks, then names the number.
export const epoch = (value: number): Epoch => wholeNumber(value, 'epoch') as Epoch
export const step = (value: number): Step => wholeNumber(value, 'step') as Step
export const slotIndex = (value: number): SlotIndex => wholeNumber(value, 'slot') as SlotIndex
