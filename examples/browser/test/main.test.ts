/*
 * The command `demo:browser` as a process.
 */
import { expect, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { connect, createServer } from "node:net"
import { env, execPath } from "node:process"
import { fileURLToPath } from "node:url"
import { describe } from "vitest"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

const start = (port: number) =>
  spawn(execPath, ["--conditions=@effect-tilia/source", "--import", "tsx", main], {
    env: { ...env, PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"]
  })

const portOf = async (server: ReturnType<typeof createServer>) => {
  await once(server.listen(0, "127.0.0.1"), "listening")
  const address = server.address()
  return address === null || typeof address === "string" ? 0 : address.port
}

const freePort = async () => {
  const server = createServer()
  const port = await portOf(server)
  await once(server.close(), "close")
  return port
}

/** Waits until the process has printed the text, and returns all that it has printed. */
const says = (child: ChildProcess, text: string) =>
  new Promise<string>((resolve, reject) => {
    let printed = ""
    const read = (chunk: Buffer) => {
      printed += chunk.toString()
      if (printed.includes(text)) resolve(printed)
    }
    child.stdout?.on("data", read)
    child.stderr?.on("data", read)
    child.once("exit", () => reject(new Error(printed)))
  })

describe("the command demo:browser", () => {
  it("demo:browser prints the address of its page, and exits at once on Ctrl-C despite open connections", async () => {
    const port = await freePort()
    const child = start(port)
    const printed = await says(child, "Ctrl-C")
    const url = `http://127.0.0.1:${port}`
    expect(printed).toContain(url)
    const page = await fetch(url)
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'")
    expect(await page.text()).toContain("effect-tilia in a page")
    const unfinished = connect(port, "127.0.0.1").on("error", () => {})
    await once(unfinished, "connect")
    unfinished.write("GET / HTTP/1.1\r\n")
    const began = performance.now()
    child.kill("SIGINT")
    await once(child, "exit")
    // A server that waits for its connections gives an unfinished request 60 seconds.
    expect(performance.now() - began).toBeLessThan(30_000)
  })

  it("demo:browser exits with 1 if its port is taken, and explains how to choose another", async () => {
    const other = createServer()
    const port = await portOf(other)
    const child = start(port)
    const exit = once(child, "exit")
    expect(await says(child, "PORT")).toContain(`Port ${port} is taken`)
    expect(await exit).toStrictEqual([1, null])
    other.close()
  })
})
