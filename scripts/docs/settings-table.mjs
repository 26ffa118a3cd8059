/** The settings of a run as a table in Markdown, from their rows. */

/** @param {import('node:url').URL} config folder dist/src/config @returns {Promise<string>} */
export async function settingsTable(config) {
  const { OPTION_KEYS, settingOf } = await import(new URL('option-table.js', config).href)
  const { describeDefault } = await import(new URL('defaults.js', config).href)
  const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('<', '&lt;')
  const rows = OPTION_KEYS.map((key) => {
    const { flag, value, help, values } = settingOf(key)
    const standard = describeDefault(key) ?? ''
    const option = `${flag} ${value}`.replaceAll('|', '\\|')
    return `| \`${key}\` | \`${option}\` | ${cell(values.expects)} | ${cell(standard)} | ${cell(help)} |`
  })
  return [
    '# Settings',
    '',
    'Settings of `train` by their names in code and as options of the command line. Written by `npm run docs:api`.',
    '',
    '| name | option | values | default | |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
