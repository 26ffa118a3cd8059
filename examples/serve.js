// A model over HTTP: `node examples/serve.js <run folder or export> [port]`, then
// `curl --data-binary @cat.jpg http://localhost:8080/` answers with the likeliest classes as JSON.
import { createServer } from 'node:http'
import { loadModel, UserFault } from 'native-ensemble'

const MOST_BYTES = 20_000_000
const [source = '', port = '8080'] = process.argv.slice(2)
const model = await loadModel(source)

/** @param {import('node:http').IncomingMessage} request */
async function readBody(request) {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new UserFault('The picture is too large.', 'Send a smaller one.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const server = createServer(async (request, response) => {
  try {
    const [predictions] = await model.classify([await readBody(request)], { top: 5 })
    response.setHeader('content-type', 'application/json').end(JSON.stringify(predictions))
  } catch (error) {
    // What cannot be decoded is the caller's mistake; anything else is ours.
    response.statusCode = error instanceof UserFault ? 400 : 500
    response.end(error instanceof UserFault ? `${error.message}\n${error.remedy}\n` : 'something went wrong\n')
  }
})
server.listen(Number(port), () => {
  const address = server.address()
  console.log(`listening on port ${typeof address === 'object' ? address?.port : port}`)
})

process.once('SIGTERM', async () => {
  server.close()
  await model.close()
})
