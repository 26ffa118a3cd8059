/**
 * Counts that must not be mixed up where they cross a border. Inside a kernel or a loop they are plain numbers.
 */
declare const unit: unique symbol
type Branded<Name extends string> = number & { readonly [unit]: Name }

/** Index of a slot in the ring between decode workers and replicas. */
export type SlotIndex = Branded<'slot'>

function wholeNumber(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Expected a whole number from 0 for ${name} but received ${value}`)
  }
  return value
}

// The brand exists for the compiler only: the constructor checks, then names the number.
export const slotIndex = (value: number): SlotIndex => wholeNumber(value, 'slot') as SlotIndex
