import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../', import.meta.url))

function checkLinks(...files: readonly string[]) {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts/check-links.mjs'), ...files], {
    cwd: root,
    encoding: 'utf8',
  })
  return { status, lines: stdout.trimEnd().split('\n') }
}

t.test('each link of a Markdown file leads to a file and, where it names one, to a heading', (t) => {
  const { status, lines } = checkLinks()
  t.equal(status, 0, lines.join('\n'))
  t.match(lines.at(-1), /^links: \d+ files, 0 broken$/)
  t.end()
})

t.test('a broken link is named with its line, whatever its form', (t) => {
  const folder = t.testdir({
    'there.md': '# A heading: with `code`\n\n## Twice\n\n## Twice\n\n```sh\n# no heading\n```\n',
    'text.md': [
      'Good: [file](there.md), [web](https://example.com/x), [part](there.md#a-heading-with-code), [2](there.md#twice-1).',
      '`[code](absent-in-code.md)`',
      '```',
      '[code](absent-in-block.md)',
      '```',
      '[bad](absent.md) ![picture](absent.png)',
      '[part](there.md#no-heading) [own](#nor-here)',
      '<img src="absent.svg">',
      '[name]: absent-too.md',
      'A split [link of two',
      'lines](absent-split.md).',
    ].join('\n'),
  })
  const { status, lines } = checkLinks(join(folder, 'there.md'), join(folder, 'text.md'))
  t.equal(status, 1)
  t.same(
    lines.map((line) => line.replace(/^.*\/text\.md:/, '')),
    [
      '6 absent.md: there is no such file',
      '6 absent.png: there is no such file',
      '7 there.md#no-heading: the file has no such heading',
      '7 #nor-here: the file has no such heading',
      '8 absent.svg: there is no such file',
      '9 absent-too.md: there is no such file',
      '11 absent-split.md: there is no such file',
      'links: 2 files, 7 broken',
    ],
  )
  t.end()
})
