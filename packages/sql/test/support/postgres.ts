/*
 * A PostgreSQL of this machine, with a data folder of its own, on a free port of loopback. Debian's package works. Its
 * server does not start as root, so it runs as the user `postgres` then.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { env, kill } from "node:process"
import { folders, freePort, isExecutable } from "../../../../test/programs.js"

const debian = "/usr/lib/postgresql"

const candidates = [
  ...folders,
  ...(existsSync(debian) ? readdirSync(debian).sort().reverse().map((version) => join(debian, version, "bin")) : [])
]

const hasServer = (folder: string): boolean =>
  ["initdb", "pg_ctl", "postgres"].every((name) => isExecutable(join(folder, name)))

const binaries = candidates.find(hasServer)

/** What to do if there is no PostgreSQL. */
export const advice = "no PostgreSQL found: apt-get install postgresql, or add its initdb and pg_ctl to PATH"

/** Whether the tests can have a server. In CI it is an error if they cannot, so that no test is skipped. */
export const isInstalled = binaries !== undefined
if (!isInstalled && env["CI"] !== undefined) throw new Error(advice)

export interface Postgres {
  readonly port: number
  readonly start: () => void
  readonly stop: () => void
  /** Stops every process of the server without ending one, as an overloaded machine does. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Ends the server, and removes its data. */
  readonly remove: () => void
}

const isRoot = process.getuid?.() === 0

const asPostgres = (command: string, args: ReadonlyArray<string>): void => {
  const [file, ...rest] = isRoot ? ["runuser", "-u", "postgres", "--", command, ...args] : [command, ...args]
  if (file === undefined) throw new Error("no command")
  const { status, stderr, stdout } = spawnSync(file, rest, { encoding: "utf8", cwd: "/" })
  if (status !== 0) throw new Error(`${command} failed: ${stdout}${stderr}`)
}

/** A server that was started, with a database and a superuser of the name `postgres` that need no password. */
export const make = async (): Promise<Postgres> => {
  if (binaries === undefined) throw new Error(advice)
  const pgCtl = join(binaries, "pg_ctl")
  const folder = mkdtempSync(join(tmpdir(), "tilia-pg-"))
  if (isRoot) {
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }))
    chownSync(folder, id("-u"), id("-g"))
  }
  const data = join(folder, "data")
  const port = await freePort()
  asPostgres(join(binaries, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
  const options = [
    `-p ${port}`,
    "-c listen_addresses=127.0.0.1",
    `-c unix_socket_directories=${folder}`,
    "-c fsync=off",
    "-c max_connections=200"
  ].join(" ")
  const start = () => asPostgres(pgCtl, ["start", "-w", "-D", data, "-l", join(folder, "log"), "-o", options])
  const stop = () => asPostgres(pgCtl, ["stop", "-w", "-D", data, "-m", "immediate"])

  const signal = (name: NodeJS.Signals) => {
    const main = Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0])
    const children = spawnSync("ps", ["-o", "pid=", "--ppid", String(main)], { encoding: "utf8" }).stdout
    for (const pid of [main, ...children.trim().split(/\s+/).map(Number)]) {
      try {
        kill(pid, name)
      } catch {
        // It has ended meanwhile.
      }
    }
  }
  const thaw = () => signal("SIGCONT")
  start()
  return {
    port,
    start,
    stop,
    freeze: () => signal("SIGSTOP"),
    thaw,
    remove: () => {
      try {
        thaw()
        stop()
      } catch {
        // It was stopped already.
      }
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
