/** The page of `export --format web`: classifies dropped or chosen pictures, and the camera. Nothing leaves it. */
import { EMBEDDED_MODEL, type EmbeddedModel } from '../embedded-model.ts'
import { type Classified, createPictureClassifier, type PictureClassifier } from './classify-picture.ts'

/** Between two pictures of the camera. */
const CAMERA_MS = 250

function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`Expected an element ${id} of the page but received none`)
}

const status = element('status', HTMLElement)
const results = element('results', HTMLElement)
const chooser = element('files', HTMLInputElement)
const camera = element('camera', HTMLButtonElement)
const video = element('video', HTMLVideoElement)

function showPredictions(target: HTMLElement, { predictions }: Classified): void {
  const rows = predictions.map(({ label, probability }) => {
    const row = document.createElement('li')
    const name = Object.assign(document.createElement('span'), { className: 'label', textContent: label })
    const bar = Object.assign(document.createElement('meter'), { min: 0, max: 1, value: probability })
    bar.setAttribute('aria-hidden', 'true')
    const percent = Object.assign(document.createElement('span'), {
      textContent: `${(100 * probability).toFixed(1)} %`,
    })
    row.append(name, bar, percent)
    return row
  })
  const list = document.createElement('ol')
  list.append(...rows)
  target.replaceChildren(list)
}

/** A card for one picture, the newest first. */
function addCard(name: string): { readonly card: HTMLElement; readonly body: HTMLElement } {
  const card = Object.assign(document.createElement('article'), { className: 'card' })
  const title = Object.assign(document.createElement('h2'), { textContent: name })
  const body = document.createElement('div')
  card.append(title, body)
  results.prepend(card)
  return { card, body }
}

async function classifyFile(classifier: PictureClassifier, file: File): Promise<void> {
  const { card, body } = addCard(file.name)
  try {
    // As in training: not turned as a camera noted it, colours as they are in the file.
    const options = { imageOrientation: 'none', colorSpaceConversion: 'none', premultiplyAlpha: 'none' } as const
    const bitmap = await createImageBitmap(file, options)
    const shown = document.createElement('canvas')
    const scale = Math.min(1, 320 / Math.max(bitmap.width, bitmap.height))
    shown.width = Math.max(1, Math.round(bitmap.width * scale))
    shown.height = Math.max(1, Math.round(bitmap.height * scale))
    shown.getContext('2d')?.drawImage(bitmap, 0, 0, shown.width, shown.height)
    shown.setAttribute('aria-hidden', 'true')
    card.insertBefore(shown, body)
    const classified = await classifier.classify(bitmap, bitmap.width, bitmap.height)
    card.dataset['logits'] = JSON.stringify(Array.from(classified.logits))
    showPredictions(body, classified)
  } catch (error) {
    card.classList.add('failed')
    const reason = error instanceof Error ? error.message : String(error)
    body.textContent = `${file.name} cannot be classified: ${reason}`
  }
}

async function classifyFiles(classifier: PictureClassifier, files: Iterable<File>): Promise<void> {
  for (const file of files) await classifyFile(classifier, file)
}

async function toggleCamera(classifier: PictureClassifier): Promise<void> {
  if (video.srcObject instanceof MediaStream) {
    for (const track of video.srcObject.getTracks()) track.stop()
    video.srcObject = null
    video.hidden = true
    camera.textContent = 'Use the camera'
    return
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    status.textContent = `The camera cannot be used: ${reason}. Allow it for this page, or drop a picture.`
    return
  }
  video.hidden = false
  camera.textContent = 'Stop the camera'
  await video.play()
  const { body } = addCard('Camera')
  while (video.srcObject !== null) {
    showPredictions(body, await classifier.classify(video, video.videoWidth, video.videoHeight))
    await new Promise((resolve) => setTimeout(resolve, CAMERA_MS))
  }
}

async function start(): Promise<void> {
  const embedded: EmbeddedModel = Reflect.get(globalThis, EMBEDDED_MODEL)
  const only = /^#(webgl|cpu)$/.exec(location.hash)?.[1] ?? null
  const classifier = await createPictureClassifier(embedded, only)
  chooser.addEventListener('change', () => void classifyFiles(classifier, chooser.files ?? []))
  camera.addEventListener('click', () => void toggleCamera(classifier))
  document.addEventListener('dragover', (event) => event.preventDefault())
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    void classifyFiles(classifier, event.dataTransfer?.files ?? [])
  })
  chooser.disabled = false
  camera.disabled = false
  document.body.dataset['backend'] = classifier.backend
  const where = classifier.backend === 'webgl' ? 'on the graphics card (WebGL)' : 'in JavaScript (slowly)'
  status.textContent = `Ready: ${embedded.classNames.length} classes, computed ${where}, offline.`
}

start().catch((error: unknown) => {
  status.textContent = `The page cannot start: ${error instanceof Error ? error.message : String(error)}`
  document.body.dataset['failed'] = 'true'
})
