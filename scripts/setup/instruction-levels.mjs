/**
 * The instruction sets that a release is compiled for, and what each needs by the names of /proc/cpuinfo. The levels are those of
 * the x86-64 psABI; v4-bf16 is what Zen 4 and Sapphire Rapids have beyond: bf16, and the byte permutations of the image decoder.
 */
const V2 = ['cx16', 'lahf_lm', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3']
const V3 = [...V2, 'abm', 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe']
const V4 = [...V3, 'avx512bw', 'avx512cd', 'avx512dq', 'avx512f', 'avx512vl']
const V4_BF16 = [...V4, 'avx512_bf16', 'avx512_vnni', 'avx512vbmi']

/** By the processor's name in Node, the richest first: the first one whose needs a processor has is the one it takes. */
export const LEVELS = {
  x64: {
    'x86-64-v4-bf16': { needs: V4_BF16, compile: ['-march=x86-64-v4', '-mavx512bf16', '-mavx512vnni', '-mavx512vbmi'] },
    'x86-64-v4': { needs: V4, compile: ['-march=x86-64-v4'] },
    'x86-64-v3': { needs: V3, compile: ['-march=x86-64-v3'] },
    // Its vectors are pairs of shorter ones, of which g++ says that older versions passed them otherwise.
    'x86-64-v2': { needs: V2, compile: ['-march=x86-64-v2', '-Wno-psabi'] },
  },
}

/** Flags of the compiler for a level, null for what is none. */
export function flagsOfLevel(level) {
  return Object.values(LEVELS).find((levels) => level in levels)?.[level].compile ?? null
}
