import t from 'tap'
import { reportFailure } from '../../src/cli/failure.ts'
import { meantOption } from '../../src/cli/option-aliases.ts'
import { tellOwnOptions } from '../../src/cli/own-options.ts'
import { textTable } from '../../src/cli/text-table.ts'
import { OPTION_KEYS, OPTION_TABLE } from '../../src/config/option-table.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'
import { didYouMean, nearestWord } from '../../src/vocabulary/nearest-word.ts'
import { printBytes } from '../../src/vocabulary/print-bytes.ts'

function reported(error: unknown): [code: number, text: string] {
  let text = ''
  const code = reportFailure(error, {
    write(more) {
      text += more
    },
  })
  return [code, text]
}

t.test("a user's fault is a sentence and a remedy, ours has its stack", async (t) => {
  t.same(reported(new UserFault('Expected a', 'Do b.')), [2, 'error: Expected a\nDo b.\n'])
  const [code, text] = reported(new Error('broken', { cause: new Error('by this') }))
  t.equal(code, 1)
  t.match(text, /Error: broken\n +at .*\n[\s\S]*caused by Error: by this\n +at [\s\S]*Please report it/)
  t.match(reported('thrown text'), [1, /^thrown text/])
})

t.test('the nearest word', async (t) => {
  const known = ['--batch', '--branches', '--block']
  t.equal(nearestWord('--bach', known), '--batch')
  t.equal(nearestWord('--brances', known), '--branches')
  t.equal(nearestWord('--colour', known), null)
  t.equal(nearestWord('x', []), null)
})

t.test('values by the word that was meant', async (t) => {
  const choices = ['vanilla', 'one', 'kd', 'dml', 'snapshot', 'ensemble']
  t.equal(didYouMean('snapshoot', choices, 'Other.'), 'Did you mean snapshot?')
  t.equal(didYouMean('ENS', choices, 'Other.'), 'Did you mean ensemble?')
  t.equal(didYouMean('x', choices, 'Other.'), 'Other.')
  t.equal(didYouMean(3, choices, 'Other.'), 'Other.')
})

t.test("other trainers' options", async (t) => {
  const known = OPTION_KEYS.map((key) => OPTION_TABLE[key].flag)
  t.equal(meantOption('--learning-rate', known), '--lr')
  t.equal(meantOption('--batch-size', known), '--batch')
  t.equal(meantOption('--num-workers', known), '--decode-workers')
  t.equal(meantOption('--num-workers', ['--processes']), '--processes', 'of the command that it was given to')
  t.equal(meantOption('--epoch', known), '--epochs')
  t.equal(meantOption('--colour-of-the-sky', known), null)
})

t.test('a remedy says where it names an option that the command lacks', async (t) => {
  const told = (remedy: string, known: readonly string[]) => {
    const error = tellOwnOptions(new UserFault('Expected a', remedy), 'evaluate', known, true)
    return error instanceof UserFault ? error.remedy : ''
  }
  const own = 'Name their place with --data.'
  t.equal(told(own, ['--data']), own)
  const quoted = 'Start anew: native-ensemble train --init weights --batch 4.'
  t.equal(told(quoted, []), quoted, 'another command is named with its options')
  t.equal(
    told('Use --precision fp32, or a smaller --batch.', ['--data']),
    "Use --precision fp32, or a smaller --batch. (--precision, --batch are options of native-ensemble train; evaluate takes them from the run's config.json.)",
  )
  const ours = new Error('broken')
  t.equal(tellOwnOptions(ours, 'evaluate', [], true), ours)
})

t.test('columns of numbers go to the right', async (t) => {
  const table = textTable(
    ['layer', 'output', 'parameters'],
    [
      ['conv1', '[2]', '432'],
      ['fc', '[2, 10]', '12,650'],
    ],
  )
  t.equal(table, ['layer  output   parameters', 'conv1  [2]             432', 'fc     [2, 10]      12,650'].join('\n'))
  t.equal(textTable(['a', 'b'], []), 'a  b')
})

t.test('bytes as people read them', async (t) => {
  t.same([0, 1023, 1024, 1536 * 1024, 3 * 2 ** 40].map(printBytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '3072.0 GiB',
  ])
})
