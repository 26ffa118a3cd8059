// native-ensemble watch runs --lines | node examples/lines-to-mlflow.js
// Sends what runs measure to MLflow (MLFLOW_TRACKING_URI, default http://127.0.0.1:5000), a run of MLflow for each of ours.
import { createInterface } from 'node:readline'

const { MLFLOW_TRACKING_URI: server = 'http://127.0.0.1:5000', MLFLOW_EXPERIMENT_ID: experiment = '0' } = process.env
const known = new Map()

/** @param {string} what @param {object} body */
async function call(what, body) {
  const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${server}/api/2.0/mlflow/${what}`, options)
  if (!response.ok) throw new Error(`MLflow refused ${what}: ${await response.text()}`)
  return await response.json()
}

/** @param {string} name */
async function findRun(name) {
  const made = await call('runs/create', { experiment_id: experiment, run_name: name, start_time: Date.now() })
  return made.run.info.run_id
}

for await (const line of createInterface({ input: process.stdin })) {
  const { run, _step: step, epoch, ...values } = JSON.parse(line)
  if (!known.has(run)) known.set(run, await findRun(run))
  const metrics = Object.entries({ epoch, ...values })
    .filter(([, value]) => Number.isFinite(value))
    .map(([key, value]) => ({ key, value, timestamp: Date.now(), step }))
  await call('runs/log-batch', { run_id: known.get(run), metrics })
}
