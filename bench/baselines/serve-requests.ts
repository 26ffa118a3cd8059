/** The dialogue of a baseline that runs in Node: a line of JSON in, a line of JSON out (docs/baselines.md). */
import { createInterface } from 'node:readline'

/** Steps that a mode runs before it is measured first. */
export const WARM_UP_STEPS = 3

/** A request of docs/baselines.md. */
export interface BaselineRequest {
  readonly measure?: string
  readonly profile?: string
  readonly modes?: boolean
  readonly steps?: number
}

/** Answers each line of standard input by one of standard output until the input ends; a failure is an answer too. */
export async function serveRequests(answer: (request: BaselineRequest) => object | Promise<object>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    let reply: object
    try {
      reply = await answer(JSON.parse(line))
    } catch (error) {
      reply = { error: error instanceof Error ? error.message : String(error) }
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`)
  }
}

/** The reply to a mode that there is not. */
export function unknownMode(modes: object, mode: string | undefined): object {
  return { error: `Expected one of ${Object.keys(modes).join(', ')} for the mode but received ${mode}` }
}
