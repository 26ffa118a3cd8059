/** `0.9,0.999` -> the two numbers, each from 0 and below 1; null for what is not that. */
export function parseBetas(text: string): readonly [number, number] | null {
  const [first, second, ...others] = text.split(',').map((word) => (word.trim() === '' ? Number.NaN : Number(word)))
  const isBeta = (value: number | undefined): value is number => value !== undefined && value >= 0 && value < 1
  return isBeta(first) && isBeta(second) && others.length === 0 ? [first, second] : null
}
