/** Writes 5 MB of progress, then tells on stdout how many bytes of it wait for a reader. */
import { PROGRESS_TARGET, surviveStreams } from '../../src/cli/streams.ts'

surviveStreams()
for (let line = 0; line < 5000; line++) PROGRESS_TARGET.write(`${'x'.repeat(999)}\n`)
process.stdout.write(`${process.stderr.writableLength}`, () => process.exit(0))
