/*
 * The fault matrix as it was tested: which row held, for which client, over a real socket or not. It reads the tests'
 * report (the first argument) and the rows of docs/design/faults.md, and fails where a row that is built has no passing
 * test, or one that fails, or where a client is missing from a row that every client can meet.
 */
import { readFileSync } from "node:fs"

const clients = ["undici", "node:http", "fetch", "browser"]

/** Rows whose rules are built: the others have nothing to be tested yet. */
const isBuilt = (row) => row < 100 || row >= 104

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

/** "row 7", "rows 1, 2 and 5", "rows 50-53" in a test's name. */
const rowsIn = (name) =>
  [...name.matchAll(/\brows? (\d+(?:(?:[-–]|, | and )\d+)*)/g)].flatMap(([, list]) =>
    list.split(/, | and /).flatMap((part) => {
      const [from, to = from] = part.split(/[-–]/).map(Number)
      return Array.from({ length: to - from + 1 }, (_, n) => from + n)
    })
  )

const report = JSON.parse(readFileSync(process.argv[2], "utf8"))
const tests = report.testResults.flatMap(({ assertionResults, name: file }) =>
  // One that was skipped proves nothing.
  assertionResults.filter(({ status }) => status !== "skipped").flatMap(({ ancestorTitles, fullName, status }) => {
    const client = clients.find((client) => client === ancestorTitles[0] || file.includes(`packages/${client}/test`))
    const socket = client !== undefined || /NodeSandbox|NodeTilia|cli\/test/.test(file)
    return rowsIn(fullName).map((row) => ({ row, client, socket, passed: status === "passed" }))
  })
)

const matrix = rows.filter(({ row }) => isBuilt(row)).map(({ fault, row }) => {
  const own = tests.filter((test) => test.row === row)
  const held = (client) => own.some((test) => test.client === client) ? "✓" : "–"
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
const failed = matrix.filter(({ problems }) => problems.length > 0)
console.log(`${matrix.length - failed.length} of ${matrix.length} rows hold`)
process.exitCode = failed.length > 0 ? 1 : 0
