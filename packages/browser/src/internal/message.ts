/*
 * The messages between the tabs. Pure. All times are in milliseconds.
 */
import * as Instant from "@effect-tilia/core/Instant"
import * as Scopes from "@effect-tilia/core/Scopes"
import { TokenError } from "@effect-tilia/core/TokenError"
import { TokenText } from "@effect-tilia/core/TokenResponse"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Replica from "./replica.js"

const day = 24 * 60 * 60 * 1000

/** Ten years, which no token lives longer. */
const longestLifetime = 3650 * day

/** From zero; neither `NaN` nor infinite. */
const upTo = (longest: number) => Schema.Number.pipe(Schema.between(0, longest))

/** Of two of them, the larger one is newer. `isPlausible` bounds them. */
const Generation = Schema.Int

/**
 * When the message was sent, by the wall clock, which all tabs share. A frozen tab receives the message only when it
 * wakes, and counts the time in between (T7).
 */
const sentAt = Schema.Int

const decodeScopes = Schema.decodeUnknownEither(Scopes.Scopes)

/** The name of a set of scopes, and nothing else: others would fill the memory. */
const Key = Schema.String.pipe(
  Schema.filter((text) => {
    const scopes = decodeScopes(text)
    return Either.isRight(scopes) && Scopes.key(scopes.right) === text
  })
)

const Token = Schema.Struct({
  generation: Generation,
  value: TokenText,
  scopes: Scopes.Scopes,
  /** From the token's issue to its expiry. */
  lifetime: Schema.Number.pipe(Schema.between(1, longestLifetime)),
  /** How old the token was when the message was sent (T7). */
  age: upTo(longestLifetime),
  sentAt
})

const Failure = Schema.Struct({
  generation: Generation,
  error: TokenError,
  failures: Schema.Int.pipe(Schema.between(1, Number.MAX_SAFE_INTEGER)),
  isBinding: Schema.Boolean,
  /** How long the server was to be left alone when the message was sent (T8). */
  remaining: upTo(day),
  sentAt
})

const news = {
  /** The name of a set of scopes. */
  key: Key,
  token: Schema.optionalWith(Token, { exact: true }),
  failure: Schema.optionalWith(Failure, { exact: true })
}

/** What a tab knows of the token for one set of scopes. */
const News = Schema.Struct(news)

export type News = typeof News.Type

const Locked = Schema.Struct({ _tag: Schema.Literal("Locked"), key: Key, generation: Generation, sentAt })
const Settled = Schema.Struct({ _tag: Schema.Literal("Settled"), ...news, generation: Generation })
const Cleared = Schema.Struct({ _tag: Schema.Literal("Cleared"), generation: Generation })
const Asked = Schema.Struct({ _tag: Schema.Literal("Asked"), channel: Schema.String, ofAll: Schema.Boolean })
const Answered = Schema.Struct({
  _tag: Schema.Literal("Answered"),
  /** Names the time since when what is known is complete. */
  era: Schema.String,
  /** The largest generation that is known: of a lock that is held, too. */
  largest: Generation,
  cleared: Generation,
  news: Schema.Array(News)
})
const Echo = Schema.Struct({ _tag: Schema.Literal("Echo"), call: Schema.Number, step: Schema.String })

/**
 * To all tabs:
 *
 * - `Locked`: this tab holds the lock, for one lease from when it has sent this.
 * - `Settled`: this tab gives the lock up, with a token, with a failure or with neither.
 * - `Cleared`: everything with this generation or a smaller one is void (M4).
 *
 * To one tab, on a channel on which only that tab listens:
 *
 * - `Asked`: the keeper shall tell on this channel what it knows. With `ofAll` it goes to all tabs, because there is no
 *   keeper that answers.
 * - `Answered`: all that this tab knows, with the generation of the last `Cleared`.
 * - `Echo`: a tab tells itself. Everything that was sent to it before has arrived then.
 */
export const Message = Schema.Union(Locked, Settled, Cleared, Asked, Answered, Echo)

export type Message = typeof Message.Type

/** `Left` for anything else. */
export const decode = Schema.decodeUnknownEither(Message)

export const encode = Schema.encodeSync(Message)

/** Whether a tab can have sent this: a generation is the time, or one more than the last one (T3). */
export const isPlausible = (generation: number, now: Instant.Instant): boolean => generation <= now.wall + day

/** The largest generation in the message; 0 if it has none. */
export const largestGeneration = (message: Message): number => {
  switch (message._tag) {
    case "Locked":
    case "Cleared":
      return message.generation
    case "Settled":
      return Math.max(message.generation, Replica.newest(message))
    case "Answered":
      return Math.max(message.largest, message.cleared, ...message.news.map(Replica.newest))
    case "Asked":
    case "Echo":
      return 0
  }
}

/** What is known of these scopes, as a message carries it. */
export const toNews = (
  key: string,
  { failure, token }: Pick<Replica.Replica, "failure" | "token">,
  now: Instant.Instant
): News => {
  const sentAt = now.wall
  return {
    key,
    ...(token !== undefined && {
      token: {
        generation: token.generation,
        value: token.value,
        scopes: token.scopes,
        lifetime: token.lifetime,
        age: Replica.age(token, now),
        sentAt
      }
    }),
    ...(failure !== undefined && {
      failure: {
        ...failure.failure,
        generation: failure.generation,
        remaining: Math.min(day, Replica.pauseLeft(failure, now)),
        sentAt
      }
    })
  }
}

/** How long the message was on its way. */
export const since = (sentAt: number, now: Instant.Instant): number => Math.max(0, now.wall - sentAt)

/** The token of the tab that receives the message. */
export const toToken = ({ age, sentAt, ...token }: typeof Token.Type, now: Instant.Instant): Replica.Token => ({
  ...token,
  issuedAt: Instant.before(now, age + since(sentAt, now))
})

/** The failure of the tab that receives the message. */
export const toFailure = (
  { generation, remaining, sentAt, ...failure }: typeof Failure.Type,
  now: Instant.Instant
): Replica.Failure => ({
  generation,
  failure: { ...failure, remaining: Duration.millis(remaining) },
  since: Instant.before(now, since(sentAt, now))
})
