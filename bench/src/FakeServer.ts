/*
 * A token server without a network, for measurements that are not about the network. It counts requests, and it can be
 * down. All times are in milliseconds.
 */
import { setTimeout } from "node:timers/promises"

/** A token that the server has issued. The times are those of the wall clock. */
export interface Issued {
  readonly token: string
  readonly issuedAt: number
  readonly expiresAt: number
}

export interface FakeServer {
  /** How many requests the server has received, and how many of them it has refused. */
  readonly count: { requests: number; refused: number }
  /** While it is down, the server refuses every request. */
  isDown: boolean
  /** Issues a token with this lifetime. */
  readonly issue: (lifetime: number) => Promise<Issued>
  readonly isExpired: (token: string) => boolean
}

/** A server that responds after this delay. */
export const make = (delay = 0): FakeServer => {
  const expiries = new Map<string, number>()
  const server: FakeServer = {
    count: { requests: 0, refused: 0 },
    isDown: false,
    issue: async (lifetime) => {
      const issuedAt = Date.now()
      const token = `token-${++server.count.requests}`
      if (server.isDown) {
        server.count.refused++
        throw new Error("The server is down.")
      }
      await setTimeout(delay)
      expiries.set(token, issuedAt + lifetime)
      return { token, issuedAt, expiresAt: issuedAt + lifetime }
    },
    isExpired: (token) => (expiries.get(token) ?? 0) <= Date.now()
  }
  return server
}
