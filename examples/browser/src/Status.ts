/*
 * What the demo's server and its pages exchange besides tokens. The page loads this module, too, so it must not import
 * a secret.
 */
import * as Schema from "effect/Schema"

/** The users. They log in without a password, because this is a demo. */
export const User = Schema.Literal("alice", "bob")

export type User = typeof User.Type

/** The scopes that `authorize` grants to each user (M2), and that the user's pages request. */
export const scopesOf = {
  alice: ["user_info", "write_invoices"],
  bob: ["user_info"]
} as const satisfies Record<User, ReadonlyArray<string>>

/** What a page shows of the server. */
export const Status = Schema.Struct({
  /** The user who is logged in. */
  user: Schema.NullOr(User),
  /** Whether the token endpoint is down. */
  isDown: Schema.Boolean,
  /** How often pages have asked the mediator for a token. */
  mediated: Schema.Int,
  /** How often the mediator has asked the authorization server for one. */
  tokenRequests: Schema.Int
})

export type Status = typeof Status.Type
