/*
 * A token server inside the process, for what isn't about the network. It counts, and it can be down.
 */
import { setTimeout } from "node:timers/promises"

export interface Issued {
  readonly token: string
  readonly issuedAt: number
  readonly expiresAt: number
}

export interface FakeServer {
  readonly count: { requests: number; refused: number }
  isDown: boolean
  /** A token that lives so many milliseconds. */
  readonly issue: (life: number) => Promise<Issued>
  readonly isExpired: (token: string) => boolean
}

/** It waits so many milliseconds before it answers. */
export const make = (delay = 0): FakeServer => {
  const expiries = new Map<string, number>()
  const server: FakeServer = {
    count: { requests: 0, refused: 0 },
    isDown: false,
    issue: async (life) => {
      const issuedAt = Date.now()
      const token = `token-${++server.count.requests}`
      if (server.isDown) {
        server.count.refused++
        throw new Error("The server is down.")
      }
      await setTimeout(delay)
      expiries.set(token, issuedAt + life)
      return { token, issuedAt, expiresAt: issuedAt + life }
    },
    isExpired: (token) => (expiries.get(token) ?? 0) <= Date.now()
  }
  return server
}
