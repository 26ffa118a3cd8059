/** The scripts of a bundle: they check the machine that they are started on, then start the bundle's own Node. */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { ADDON_FOLDER, NODE, SPARE_FOLDER } from './bundle-contents.ts'

/** What a bundle was made on: its addons are compiled for this processor. */
export interface BundleMachine {
  /** As `uname -m` says it. */
  readonly architecture: string
  readonly processor: string
  /** Instructions that a compiler may have taken for it, by the names in /proc/cpuinfo. */
  readonly flags: readonly string[]
  readonly glibc: string
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' }
/**
 * Vector and bit instructions that g++ takes by itself, or our sources where it has them; not those of matrices (AMX), half
 * precision or ciphers.
 */
const TAKEN =
  /^(ssse3|sse4_[12]|avx2?|fma|f16c|bmi[12]|abm|popcnt|movbe|avx512(f|dq|cd|bw|vl|ifma|vbmi|_vbmi2|_vnni|_bitalg|_vpopcntdq|_bf16)|asimd\w*|sve\w*|i8mm|bf16|atomics)$/

export function thisMachine(): BundleMachine {
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? []
  return {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    processor: cpus()[0]?.model ?? 'unknown',
    flags: flags.filter((flag) => TAKEN.test(flag)),
    glibc: glibcVersion(),
  }
}

function glibcVersion(): string {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return header?.glibcVersionRuntime ?? 'unknown'
}

/** Text in single quotes for a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** `start.sh`, which the others read: checks the machine and sets $node. */
export function startScript({ architecture, processor, flags, glibc }: BundleMachine): string {
  return `# Read by the scripts beside it, with $here = this folder. Sets $node.
made_on=${quoted(processor)}
refuse() {
  echo "error: $1" >&2
  echo "$2" >&2
  exit 2
}
again="Make the bundle on a machine like this one: native-ensemble bundle <file>."
[ "$(uname -m)" = ${architecture} ] || refuse "Expected a processor of ${architecture} for this bundle but received $(uname -m)." "$again"
has=" $(sed -n 's/^\\(flags\\|Features\\)[[:space:]]*: //p' /proc/cpuinfo | head -n 1) "
lacks=
for flag in ${flags.join(' ')}; do
  case "$has" in *" $flag "*) ;; *) lacks="$lacks $flag" ;; esac
done
[ -z "$lacks" ] || [ -n "$NATIVE_ENSEMBLE_ANY_PROCESSOR" ] ||
  refuse "Expected a processor that has all instructions of $made_on, which this bundle is compiled for, but received one without$lacks." \\
    "$again NATIVE_ENSEMBLE_ANY_PROCESSOR=1 tries it all the same: what it lacks may never be used."
node="$here/${NODE}"
loads() {
  "$node" -e 'for (const name of ["one", "images", "pjrt"]) {
    const path = process.argv[1] + "/" + name + ".node"
    if (require("fs").existsSync(path)) require(path)
  }' "$here/${ADDON_FOLDER}" 2>&1
}
if ! said=$(loads); then
  # The machine's own C++ library is too old, or absent.
  LD_LIBRARY_PATH="$here/${SPARE_FOLDER}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export LD_LIBRARY_PATH
  said=$(loads) || refuse "Expected the bundle's programs to start here but received: $(echo "$said" | grep -m 1 -i -E 'error|not found' || echo "$said")" \\
    "They were made with glibc ${glibc}, and need that or a newer one (here: $(ldd --version 2>/dev/null | head -n 1)). $again"
fi
`
}

/** A script that starts one of the bundle's programs. @param program path in the bundle, shell text */
export function launcherScript(program: string, comment: string): string {
  return `#!/bin/sh
# ${comment}
here=$(dirname -- "$(readlink -f -- "$0")")
. "$here/start.sh"
${program}
`
}
