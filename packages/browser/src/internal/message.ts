/*
 * What tabs say to each other. Pure.
 */
import * as Instant from "@effect-tilia/core/Instant"
import { Scopes } from "@effect-tilia/core/Scopes"
import { TokenText } from "@effect-tilia/core/TokenResponse"
import * as Schema from "effect/Schema"
import * as Known from "./known.js"

const Generation = Schema.Int

/**
 * A token, how long it lives, and how old it was when this was sent (T7). A frozen tab hears it when it wakes, and
 * counts the time between by the clock that all tabs share: hence `sentAt`.
 */
const Token = Schema.Struct({
  generation: Generation,
  value: TokenText,
  scopes: Scopes,
  lifetime: Schema.Positive,
  age: Schema.NonNegative,
  sentAt: Schema.Number
})

/**
 * - `Locked`: has the lock, or renews it; `Released`: had it.
 * - `Written`: left a token.
 * - `Asked`: who knows of one? `Answered`: what this tab knows, a token or nothing, and when it last was emptied.
 * - `Cleared`: everything of before that generation is void (M4).
 *
 * `key` names a scope set.
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

/** What is no message is none of ours: another version of this library may run in another tab. */
export const decode = Schema.decodeUnknownOption(Message)

export const encode = Schema.encodeSync(Message)

export const told = (kept: Known.Kept, now: Instant.Instant): typeof Token.Type => ({
  generation: kept.generation,
  value: kept.value,
  scopes: kept.scopes,
  lifetime: kept.lifetime,
  age: Known.age(kept, now),
  sentAt: now.wall
})

export const heard = ({ age, sentAt, ...token }: typeof Token.Type, now: Instant.Instant): Known.Kept => ({
  ...token,
  begin: Instant.before(now, age + Math.max(0, now.wall - sentAt))
})
