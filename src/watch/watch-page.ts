/** The page that shows all runs; page/page.ts fills it. */
import { AXIS_CHOICE, htmlPage } from '../report/report-page.ts'

const COLUMNS = ['run', 'state', 'epoch', 'test error, %', 'best, %', 'images/s', 'time left', 'what']

export function watchPage(folder: string): string {
  const head = ['show', ...COLUMNS].map((text) => `<th scope="col">${text}</th>`).join('')
  const body = `<p id="status" role="status">Loading.</p>
<div class="scroll" tabindex="0" role="region" aria-label="All runs">
<table id="runs"><caption class="subtitle">Mark one run to see it, several to see them side by side.</caption>
<thead><tr>${head}</tr></thead><tbody></tbody></table></div>
${AXIS_CHOICE}<main id="view" aria-label="Chosen runs"></main>
<noscript><p>This page needs JavaScript. <code>native-ensemble report &lt;run&gt;</code> writes one that does not.</p></noscript>
<script type="module" src="/page.js"></script>
`
  return htmlPage('Runs', folder, body)
}
