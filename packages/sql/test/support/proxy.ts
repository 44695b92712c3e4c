/*
 * A proxy that can swallow what its connections carry, without closing any: as a firewall that has forgotten them.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export interface Proxy {
  readonly port: number
  /** The connections so far carry nothing any more. Later ones do. */
  readonly swallow: () => void
  readonly close: () => void
}

const isAddress = (address: AddressInfo | string | null): address is AddressInfo => typeof address === "object"

export const make = (to: number): Promise<Proxy> =>
  new Promise((resolve, reject) => {
    const pairs = new Set<readonly [Socket, Socket]>()
    const server = createServer((one) => {
      const other = connect(to, "127.0.0.1")
      pairs.add([one, other])
      for (const socket of [one, other]) socket.on("error", () => {})
      one.pipe(other)
      other.pipe(one)
    })
    server.once("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address()
      if (!isAddress(address)) return reject(new Error("no port"))
      resolve({
        port: address.port,
        swallow: () => {
          for (const [one, other] of pairs) {
            one.unpipe(other)
            other.unpipe(one)
            for (const socket of [one, other]) socket.resume()
          }
        },
        close: () => {
          server.close()
          for (const socket of [...pairs].flat()) socket.destroy()
        }
      })
    })
  })
