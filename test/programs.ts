/*
 * Programs of this machine that tests run: a browser, databases. Nothing is downloaded.
 */
import { accessSync, constants } from "node:fs"
import { createServer } from "node:net"
import { delimiter, join } from "node:path"
import { env } from "node:process"

/** Where the shell looks for programs. */
export const folders: ReadonlyArray<string> = (env["PATH"] ?? "").split(delimiter)

/** Each place where the shell looks for these programs, those of the first one first. */
export const placesOf = (...names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.flatMap((name) => folders.map((folder) => join(folder, name)))

export const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A port of loopback that nobody listens on. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))
      )
    })
  })
