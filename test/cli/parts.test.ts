import t from 'tap'
import { reportFailure } from '../../src/cli/failure.ts'
import { printBytes, textTable } from '../../src/cli/text-table.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'
import { nearestWord } from '../../src/vocabulary/nearest-word.ts'

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
