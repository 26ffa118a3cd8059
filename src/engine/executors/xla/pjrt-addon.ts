/** The border to the addon (native/pjrt/addon.cpp): nothing else in TypeScript loads it. */
import { createRequire } from 'node:module'
import { findAddon } from '../../../vocabulary/addon-file.ts'
import { UserFault } from '../../../vocabulary/fault.ts'

/** An option of a plugin's client. */
export type ClientOption =
  | { readonly name: string; readonly type: 'int64' | 'float'; readonly value: number }
  | { readonly name: string; readonly type: 'int64List'; readonly value: readonly number[] }
  | { readonly name: string; readonly type: 'bool'; readonly value: boolean }
  | { readonly name: string; readonly type: 'string'; readonly value: string }

export interface ClientFacts {
  /** `cpu`, `cuda`, `rocm`, ... */
  readonly platform: string
  readonly platformVersion: string
  /** Version of the PJRT API that the plugin was built with. */
  readonly major: number
  readonly minor: number
  /** Devices of this process. */
  readonly devices: readonly { readonly id: number; readonly kind: string }[]
  /** Devices of all hosts, `process` = the number of the host. */
  readonly everywhere: readonly { readonly id: number; readonly process: number }[]
}

/** The devices of a plugin; shared by all threads through its handle. */
export interface PjrtClient {
  /** For `new Client(handle)` in another thread while this object lives. */
  handle(): bigint
  facts(): ClientFacts
}

/** f32 tensors on one device, by their number. */
export interface PjrtState {
  /** @param elements f32, or the bits of bf16 */
  upload(tensor: number, elements: Float32Array | Uint16Array, dimensions: readonly number[]): void
  /** @param abandoned word that ends the wait where it becomes 1 @param timeout in milliseconds, 0 = none */
  download(tensor: number, elements: Float32Array, abandoned: Int32Array | null, timeout: number): void
  dispose(): void
}

export interface PjrtProgram {
  /** What `new Program` takes in place of the text. @throws Error where the plugin cannot */
  serialise(): Uint8Array
  dispose(): void
}

/** Waits have the limits of PjrtState.download. */
export interface PjrtRun {
  /** Waits until the inputs were read. */
  waitUntilRead(abandoned: Int32Array | null, timeout: number): void
  /** Waits until the device has done it; nothing is copied. */
  waitUntilEnded(abandoned: Int32Array | null, timeout: number): void
  /** Begins to copy the outputs to the host; a second call does nothing. */
  fetch(): void
  /** Waits for the outputs, which it fetches where `fetch` was not called. */
  outputs(outputs: Float32Array, abandoned: Int32Array | null, timeout: number): void
}

/** Numbers of the state tensors that a program takes and gives back, and elements of its last result. */
export interface ProgramBinding {
  readonly reads: readonly number[]
  readonly writes: readonly number[]
  readonly outputs: number
}

/** Memory of a compiled program on each of its devices. */
export interface CompiledMemory {
  readonly argumentBytes: number
  readonly outputBytes: number
  /** Those of the outputs that take the memory of arguments. */
  readonly aliasedBytes: number
  /** Everything that lives only while it runs. */
  readonly temporaryBytes: number
}

/** Where the key-value store of a run on several hosts is. */
export interface StoreAddress {
  readonly host: string
  readonly port: number
  /** In front of each key: runs of one process have keys of their own. */
  readonly prefix: string
  /** That the store and its clients prove to each other. */
  readonly key: Uint8Array
}

interface PjrtAddon {
  /** Opens a client of a plugin, or joins one by its handle. */
  readonly Client: {
    new (plugin: string, oldestMinor: number, options: readonly ClientOption[], store: StoreAddress | null): PjrtClient
    new (handle: bigint): PjrtClient
  }
  readonly State: new (client: PjrtClient, device: number, tensors: number) => PjrtState
  /** Compiles, unless a thread holds the program of this key already. */
  readonly Program: new (
    client: PjrtClient,
    source: string | Uint8Array,
    options: Uint8Array,
    binding: ProgramBinding,
    inputs: readonly (readonly number[])[],
    key: string,
  ) => PjrtProgram
  /** Starts a run; the inputs must stay as they are until `waitUntilRead` returns. */
  readonly Run: new (
    program: PjrtProgram,
    state: PjrtState,
    inputs: readonly (Uint8Array | Int32Array | Float32Array)[],
    launch: number,
  ) => PjrtRun
  /**
   * Compiles for devices that are not here, without a client.
   * @param topology the plugin's own options that say what for
   * @throws Error with the plugin's words
   */
  readonly compileAheadOfTime: (
    plugin: string,
    oldestMinor: number,
    topology: readonly ClientOption[],
    text: string,
    options: Uint8Array,
  ) => CompiledMemory
}

/** @throws UserFault where it was not built or cannot be loaded */
export function loadPjrtAddon(): PjrtAddon {
  try {
    // The addon's exports are described above and nowhere else: this cast is the border.
    return createRequire(import.meta.url)(findAddon('pjrt').path) as PjrtAddon
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
    throw new UserFault(
      `Expected the native addon for the executor xla but received: ${reason}`,
      'Build it with: npx native-ensemble setup.',
      { cause },
    )
  }
}
