// Runs the public tests of HTTP caches in FOLDER against the server at URL and prints the
// tests, with how the suite classifies them, and what came of each:
//
//     node client.mjs FOLDER URL
import { createRequire } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [folder, url] = process.argv.slice(2)
const load = path => import(pathToFileURL(join(folder, path)))

const fetch = createRequire(join(folder, 'package.json'))('node-fetch')
const { runTests, getResults } = await load('client/runner.mjs')
const { default: suites } = await load('tests/index.mjs')

await runTests(suites, fetch, false, url)

const results = getResults()
const tests = []
for (const suite of suites) {
  for (const test of suite.tests) {
    const result = results[test.id]
    if (result === undefined) continue // it is for browsers
    tests.push({
      id: test.id,
      name: test.name,
      kind: test.kind ?? 'required',
      depends_on: test.depends_on ?? [],
      passed: result === true,
      error: result === true ? '' : result[0],
      message: result === true ? '' : result[1]
    })
  }
}
// Connections may be left over that the tests are not done with.
process.stdout.write(JSON.stringify(tests), () => process.exit())
