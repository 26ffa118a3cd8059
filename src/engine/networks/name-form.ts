/**
 * Forms of networks' names, such as `resnext-<9n+2>-<cardinality>x<width>d[-widen<multiple>]`: a form reads names, writes
 * them, and is what messages print. A blank `<6n+2>` takes these numbers with n >= 1, `<50, 101>` one of the list, `<width>`
 * any number from 1 on. What stands in brackets may be missing, and is the last part.
 */

/** Largest size that a name may ask for: beyond it a slip of the finger is likelier than a wish. */
const LARGEST = 9999
const BLANK = /<([^>]+)>/g

type Blank<Text extends string> = Text extends `${infer First extends number}, ${infer Rest}`
  ? First | Blank<Rest>
  : Text extends `${infer Last extends number}`
    ? Last
    : number

type Blanks<Text extends string> = Text extends `${string}<${infer Own}>${infer Rest}`
  ? readonly [Blank<Own>, ...Blanks<Rest>]
  : readonly []

/** What the blanks of a form hold, in their order; `<18, 34>` holds 18 or 34. */
export type Sizes<Form extends string> = Form extends `${infer Required}[${infer Optional}]`
  ? readonly [...Blanks<Required>, ...Partial<Blanks<Optional>>]
  : Blanks<Form>

/** Sizes of a name that has the form, undefined for those left out; null for other names. */
export function readSizes<Form extends string>(form: Form, name: string): Sizes<Form> | null {
  const sizes = readNumbers(form, name)
  const blanks = blanksOf(form)
  if (sizes?.every((size, place) => size === undefined || accepts(blanks[place], size)) !== true) return null
  // One number for each blank, within what the blank takes: what the type says of the form.
  return sizes as unknown as Sizes<Form>
}

/** The numbers where the form has its blanks, whether these take them or not; null for a name of another form. */
export function readNumbers(form: string, name: string): (number | undefined)[] | null {
  const pattern = form.replace('[', '(?:').replace(']', ')?').replaceAll(BLANK, '([1-9]\\d*)')
  const found = new RegExp(`^${pattern}$`).exec(name)?.slice(1)
  return found?.map((digits?: string) => (digits === undefined ? undefined : Number(digits))) ?? null
}

/** The name with these sizes; the part in brackets where there are sizes for it. */
export function writeName(form: string, sizes: readonly number[]): string {
  const whole = blanksOf(form).length <= sizes.length
  const rest = [...sizes]
  return form.replace(/\[(.*)\]/, whole ? '$1' : '').replaceAll(BLANK, (blank) => String(rest.shift() ?? blank))
}

/** Sizes that the form's blank at this place takes, next to a number: the nearest first, two at most. */
export function nearestSizes(form: string, place: number, to: number): number[] {
  const blank = blanksOf(form)[place] ?? ''
  const wanted = Math.min(to, LARGEST)
  const [step, others] = arithmetic(blank) ?? [1, 0]
  const below = Math.max(1, Math.floor((wanted - others) / step)) * step + others
  const fitting = (listed(blank) ?? [below, below + step]).filter((size) => accepts(blank, size))
  return fitting.sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted)).slice(0, 2)
}

function blanksOf(form: string): string[] {
  return Array.from(form.matchAll(BLANK), ([, blank = '']) => blank)
}

function accepts(blank = '', size: number): boolean {
  const list = listed(blank)
  if (list !== null) return list.includes(size)
  const [step, others] = arithmetic(blank) ?? [1, 0]
  return size > others && size <= LARGEST && (size - others) % step === 0
}

/** `6n+2` -> [6, 2] */
function arithmetic(blank: string): [step: number, others: number] | null {
  const [, step, others] = /^(\d+)n\+(\d+)$/.exec(blank) ?? []
  return step === undefined ? null : [Number(step), Number(others)]
}

function listed(blank: string): number[] | null {
  return /^\d+(, \d+)*$/.test(blank) ? blank.split(', ').map(Number) : null
}
