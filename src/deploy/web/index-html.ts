/** The page itself. It may load its two scripts and nothing else: the browser refuses every other request. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' file:",
  "style-src 'unsafe-inline'",
  'img-src blob: data:',
  'media-src blob: mediastream:',
  "connect-src 'none'",
].join('; ')

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
.drop { border: 2px dashed GrayText; border-radius: .5rem; padding: 1.5rem; text-align: center; }
.drop:focus-within { outline: 2px solid Highlight; }
.card { display: inline-block; vertical-align: top; margin: 1rem 1rem 0 0; width: 20rem; }
.card h2 { font-size: 1rem; overflow-wrap: anywhere; }
.card canvas, video { max-width: 100%; }
ol { list-style: none; padding: 0; }
li { display: grid; grid-template-columns: 1fr 6rem 4rem; gap: .5rem; align-items: center; }
li span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
`

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeText = (text: string) => text.replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign)

/** @param title what the model is */
export function indexHtml(title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeText(title)}</h1>
<div class="drop">
<p><label for="files">Drop pictures anywhere on this page, or choose them:</label></p>
<p><input id="files" type="file" accept="image/*" multiple disabled> <button id="camera" type="button" disabled>Use the camera</button></p>
</div>
<p id="status" role="status">Loading the model ...</p>
<video id="video" muted playsinline hidden></video>
<main id="results" aria-live="polite"></main>
<script src="model.js"></script>
<script src="page.js"></script>
</body>
</html>
`
}
