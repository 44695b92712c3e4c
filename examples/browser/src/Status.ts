/*
 * What the demo's server and its pages say to each other beside tokens. Both load it, so nothing secret may be in reach
 * of it.
 */
import * as Schema from "effect/Schema"

/** Who can log in, without a password: it is a demo. */
export const User = Schema.Literal("alice", "bob")

export type User = typeof User.Type

/** M2: what `authorize` grants to each, and what their pages ask for. */
export const scopesOf = {
  alice: ["user_info", "write_invoices"],
  bob: ["user_info"]
} as const satisfies Record<User, ReadonlyArray<string>>

/**
 * What a page shows of the server: who the server takes its reader for, whether the token endpoint is down, how often
 * pages have asked the mediator, and how often the authorization server was asked.
 */
export const Status = Schema.Struct({
  user: Schema.NullOr(User),
  isDown: Schema.Boolean,
  mediated: Schema.Int,
  tokenRequests: Schema.Int
})

export type Status = typeof Status.Type
