/*
 * The messages between the tabs. Pure. All times are in milliseconds.
 */
import * as Instant from "@effect-tilia/core/Instant"
import { Scopes } from "@effect-tilia/core/Scopes"
import { TokenText } from "@effect-tilia/core/TokenResponse"
import * as Schema from "effect/Schema"
import * as TabReplica from "./tabReplica.js"

const Generation = Schema.Int

const Token = Schema.Struct({
  generation: Generation,
  value: TokenText,
  scopes: Scopes,
  /** From the token's issue to its expiry. */
  lifetime: Schema.Positive,
  /** How old the token was when the message was sent (T7). */
  age: Schema.NonNegative,
  /**
   * When the message was sent, by the wall clock, which all tabs share. A frozen tab receives the message only when it
   * wakes, and adds the time in between to the age.
   */
  sentAt: Schema.Number
})

/**
 * - `Locked`: this tab has got the lock, or has renewed it.
 * - `Released`: this tab has released the lock.
 * - `Written`: this tab has requested this token.
 * - `Asked`: this tab asks the others for the token that they know.
 * - `Answered`: the answer to `Asked`, with a token if this tab has one, and with the generation that cleared it last.
 * - `Cleared`: every token with this generation or a smaller one is void (M4).
 *
 * `key` names a set of scopes.
 */
export const Message = Schema.Union(
  Schema.TaggedStruct("Locked", { key: Schema.String, generation: Generation }),
  Schema.TaggedStruct("Released", { key: Schema.String, generation: Generation }),
  Schema.TaggedStruct("Written", { key: Schema.String, token: Token }),
  Schema.TaggedStruct("Asked", { key: Schema.String, question: Schema.String }),
  Schema.TaggedStruct("Answered", {
    key: Schema.String,
    question: Schema.String,
    token: Schema.optionalWith(Token, { exact: true }),
    cleared: Generation
  }),
  Schema.TaggedStruct("Cleared", { generation: Generation })
)

export type Message = typeof Message.Type

/** `None` for anything else: another tab may run another version of this library. */
export const decode = Schema.decodeUnknownOption(Message)

export const encode = Schema.encodeSync(Message)

/** The replica as a message carries it. */
export const toWire = (replica: TabReplica.TabReplica, now: Instant.Instant): typeof Token.Type => ({
  generation: replica.generation,
  value: replica.value,
  scopes: replica.scopes,
  lifetime: replica.lifetime,
  age: TabReplica.age(replica, now),
  sentAt: now.wall
})

/** The replica of the tab that receives the message. */
export const fromWire = (
  { age, sentAt, ...token }: typeof Token.Type,
  now: Instant.Instant
): TabReplica.TabReplica => ({
  ...token,
  issuedAt: Instant.before(now, age + Math.max(0, now.wall - sentAt))
})
