/*
 * The fault matrix as it was tested: which row held, for which client, over a real socket or not. It reads the tests'
 * report (the first argument) and the rows of docs/design/faults.md, and fails where a row has no passing test, or one
 * that fails, or where a client is missing from a row that every client can meet. A test counts for a row only if its
 * name is about that row alone.
 */
import { readFileSync } from "node:fs"

const clients = ["undici", "node:http", "fetch", "browser"]

/** Rows that every client must meet over a socket, and why a few of them can't be. */
const meetsSockets = (row) => row <= 56
const withoutSocket = {
  2: "no unreachable route on loopback: simulated",
  11: "time is TestClock's",
  16: "no server sends status 0: simulated, but in a browser"
}

/** What a client can't be tested for. */
const exempt = { browser: [5] } // vitest's pages trust every certificate

const rows = [...readFileSync("docs/design/faults.md", "utf8").matchAll(/^\| (\d+) \| ([^|]+) \|/gm)]
  .map(([, row, fault]) => ({ row: Number(row), fault: fault.replace(/`/g, "") }))

/**
 * The one row that a test's name is about: "row 7". A name that lists rows ("rows 52 and 53", "row 52, 53", "row 52–53")
 * is about none of them in particular, and does not count for any.
 */
const rowIn = (name) => {
  const named = new Set([...name.matchAll(/\brow (\d+)\b/g)].map(([, row]) => Number(row)))
  const lists = /\brows \d|\brow \d+(\s*[,/&\u2012-\u2015-]|\s+(and|or|to|through)\b)\s*\d/
  return named.size === 1 && !lists.test(name) ? [...named][0] : undefined
}

/** The row of a test's own title, or else of the closest `describe` around it that names a row. */
const rowOf = ({ ancestorTitles, title }) =>
  rowIn([title, ...[...ancestorTitles].reverse()].find((name) => /\brows? \d/.test(name)) ?? "")

const report = JSON.parse(readFileSync(process.argv[2], "utf8"))
const tests = report.testResults.flatMap(({ assertionResults, name: file }) =>
  // One that was skipped, or that never ran, proves nothing.
  assertionResults.filter(({ status }) => status === "passed" || status === "failed").flatMap((test) => {
    const row = rowOf(test)
    const client = clients.find((client) =>
      client === test.ancestorTitles[0] || file.includes(`packages/${client}/test`)
    )
    const socket = client !== undefined || /NodeSandbox|NodeTilia|cli\/test/.test(file)
    return row === undefined ? [] : [{ row, client, socket, passed: test.status === "passed" }]
  })
)

const matrix = rows.map(({ fault, row }) => {
  const own = tests.filter((test) => test.row === row)
  const held = (client) => own.some((test) => test.client === client && test.passed) ? "✓" : "–"
  const problems = [
    ...(own.length === 0 ? ["no test"] : []),
    ...(own.some(({ passed }) => !passed) ? ["a test fails"] : []),
    ...(meetsSockets(row) && !(row in withoutSocket)
      ? clients.filter((client) => held(client) === "–" && !exempt[client]?.includes(row))
        .map((client) => `not tested with ${client}`)
      : [])
  ]
  const socket = own.some((test) => test.socket) ? "socket" : withoutSocket[row] ?? "–"
  return { row, fault, tests: own.length, held: clients.map(held), socket, problems }
})

const line = (row, fault, tests, held, socket, problems) =>
  [String(row).padStart(3), fault.slice(0, 48).padEnd(48), String(tests).padStart(5), ...held, socket, problems]
    .join("  ").trimEnd()

console.log(line("row", "fault", "tests", clients, "", ""))
for (const { fault, held, problems, row, socket, tests } of matrix) {
  const columns = held.map((mark, n) => mark.padEnd(clients[n].length))
  console.log(line(row, fault, tests, columns, socket, problems.map((problem) => `✗ ${problem}`).join(", ")))
}
const unknown = new Set(tests.map(({ row }) => row).filter((row) => !rows.some((known) => known.row === row)))
if (unknown.size > 0) console.log(`tests name rows that the matrix does not have: ${[...unknown].sort().join(", ")}`)
const failed = matrix.filter(({ problems }) => problems.length > 0)
console.log(`${matrix.length - failed.length} of ${matrix.length} rows hold`)
process.exitCode = failed.length > 0 ? 1 : 0
