/** `npm run docs:site` builds the pages of docs/ with it; links into the code lead to the repository that DOCS_REPOSITORY names. */
const repository = process.env.DOCS_REPOSITORY

const page = (text, link) => ({ text, link: `/${link}` })

export default {
  title: 'native-ensemble',
  description: 'Trains image classifiers with On-the-fly Native Ensemble distillation, in Node',
  rewrites: { 'README.md': 'index.md', 'api/README.md': 'api/index.md' },
  // Absolute links would need a server at the site's root.
  base: process.env.DOCS_BASE ?? '/',
  markdown: {
    config(markdown) {
      const open = markdown.renderer.rules.link_open
      markdown.renderer.rules.link_open = (tokens, index, options, env, self) => {
        const token = tokens[index]
        const target = outsideOfDocs(token.attrGet('href') ?? '', env.relativePath ?? '')
        if (target === null) return open(tokens, index, options, env, self)
        if (repository === undefined) token.attrs = token.attrs.filter(([name]) => name !== 'href')
        else token.attrSet('href', `${repository}/blob/main/${target}`)
        return self.renderToken(tokens, index, options)
      }
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: [
      {
        text: 'Use it',
        items: [
          page('Getting started', 'getting-started'),
          page('Install', 'install'),
          page('Your own pictures', 'own-pictures'),
          page('Fine-tuning', 'fine-tuning'),
          page('Watch', 'watch'),
          page('Prepare', 'prepare'),
          page('Deploy', 'deploy'),
          page('From code', 'api-guide'),
          page('Extend', 'extend'),
          page('GPUs', 'xla'),
          page('Clusters', 'hosts'),
          page('Scale', 'scale'),
          page('Troubleshooting', 'troubleshooting'),
        ],
      },
      {
        text: 'Reference',
        items: [
          page('API', 'api/'),
          page('Settings', 'api/settings'),
          page('Networks', 'networks'),
          page('Methods', 'methods'),
          page('Optimizers', 'optimizers'),
          page('Recipes and reports', 'recipes-and-reports'),
          page('Reliability', 'reliability'),
        ],
      },
      {
        text: 'How it works',
        items: [
          page('Architecture', 'architecture'),
          page('One image on its way', 'tour'),
          page('Input', 'input'),
          page('Convolutions', 'convolutions'),
          page('Memory', 'memory'),
          page('Profile', 'profile'),
          page('Baselines', 'baselines'),
          page('Decisions', 'decisions'),
        ],
      },
    ],
  },
}

/** Where a link of a page leads outside of docs/, from the root of the repository; null where it stays inside. */
function outsideOfDocs(href, relativePath) {
  if (!href.startsWith('.')) return null
  const target = new URL(href, `file:///docs/${relativePath}`).pathname.slice(1)
  return target.startsWith('docs/') ? null : target
}
