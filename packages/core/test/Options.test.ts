/*
 * Every option reaches the part that it is for, by each way in which a user can give it.
 */
import {
  ClientCredentials,
  Environment,
  RetryPolicy,
  Tilia,
  TokenEndpoint,
  TokenSource,
  TokenSources
} from "@effect-tilia/core"
import { MockHttpClient, SkewClock } from "@effect-tilia/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import { clientId, clientSecret } from "./fixtures/vendorSample.js"
import { authUrl, token } from "./support/mocked.js"
import { drawing } from "./support/onTestClock.js"
import { type Observed, ofEndpoint, ofSource, passing, type Row } from "./support/optionRows.js"

type Made = Pick<Observed, "source" | "endpoint">

/** What is made with these options, over the client in the context. */
type Make<Options> = (options: Options) => Effect.Effect<Made, unknown, HttpClient.HttpClient | Scope.Scope>

/** What a row observes of what is made with these options. */
const observed = <Options>(make: Make<Options>, { draw = 0.5, observe, replies }: Row<Options>, options: Options) =>
  Effect.gen(function*() {
    const { client, received } = yield* MockHttpClient.make(replies)
    const clocks = yield* SkewClock.make
    const pass = yield* passing
    return yield* make(options).pipe(
      Effect.flatMap((made) => observe({ ...made, pass, requests: () => received.length, step: clocks.step })),
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.scoped,
      Effect.withClock(clocks.clock),
      drawing(draw)
    )
  })

/** Declares a test for each row. Without its option a row observes something else, so no test can pass for nothing. */
const declare = <Options extends object>(
  way: string,
  make: Make<Options>,
  tables: Readonly<Record<string, ReadonlyArray<Row<Options>>>>,
  nothing: Options
) => {
  const rows = Record.toEntries(tables).flatMap(([name, rows]) => rows.map((row) => [name, row] as const))
  it.effect.each(rows)(`${way} hands on the option %s (case %$)`, ([, row]) =>
    Effect.gen(function*() {
      expect(row.withOption).not.toStrictEqual(row.byDefault)
      expect(yield* observed(make, row, row.beside ?? nothing)).toStrictEqual(row.byDefault)
      expect(yield* observed(make, row, row.given)).toStrictEqual(row.withOption)
    }))
}

const scopes = ["user_info"]
const credentials = ClientCredentials.layer({ clientId, clientSecret })
const environment = Environment.layer({ authUrl })

const endpointOf = (options?: TokenEndpoint.Options) =>
  Effect.provide(TokenEndpoint.make(options), [credentials, environment])

/** An endpoint that does not retry, so that each request of a source is one request of the server. */
const single = endpointOf({ retry: RetryPolicy.none })

describe.concurrent("the options of an endpoint", () => {
  const source: TokenSource.TokenSource = Effect.runSync(Effect.scoped(
    Effect.provideService(TokenSource.make({ scopes }), TokenEndpoint.TokenEndpoint, {
      requestToken: () => Effect.never
    })
  ))
  const built = (layer: ReturnType<typeof TokenEndpoint.layer>) =>
    Effect.map(
      Layer.build(Layer.provide(layer, [credentials, environment])),
      (context) => ({ source, endpoint: Context.get(context, TokenEndpoint.TokenEndpoint) })
    )
  declare("TokenEndpoint.layer", (options) => built(TokenEndpoint.layer(options)), ofEndpoint, {})
})

describe.concurrent("the options of a source", () => {
  declare(
    "TokenSource.layer",
    (options: Omit<TokenSource.Options, "scopes">) =>
      Effect.gen(function*() {
        const endpoint = yield* single
        const context = yield* Layer.build(TokenSource.layer({ scopes, ...options })).pipe(
          Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint)
        )
        return { endpoint, source: Context.get(context, TokenSource.TokenSource) }
      }),
    ofSource,
    {}
  )
})

describe.concurrent("the options of TokenSources", () => {
  const made = Effect.fnUntraced(function*(options: TokenSources.Options) {
    const endpoint = yield* single
    const context = yield* Layer.build(TokenSources.layer(options)).pipe(
      Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint)
    )
    return { endpoint, sources: Context.get(context, TokenSources.TokenSources) }
  })

  declare(
    "TokenSources.layer",
    (options: TokenSources.Options) =>
      Effect.flatMap(
        made(options),
        ({ endpoint, sources }) => Effect.map(sources.source(scopes), (source) => ({ endpoint, source }))
      ),
    ofSource,
    {}
  )

  /** How many requests these scopes cause, one after the other, some minutes apart. */
  const requestsFor = (sets: ReadonlyArray<string>, minutes: number) => (options: TokenSources.Options) =>
    Effect.gen(function*() {
      const { client, received } = yield* MockHttpClient.make(() => ({ body: token }))
      const pass = yield* passing
      const { sources } = yield* Effect.provideService(made(options), HttpClient.HttpClient, client)
      for (const scope of sets) {
        yield* Effect.orDie(sources.get([scope]))
        yield* pass(60 * minutes)
      }
      return received.length
    }).pipe(Effect.scoped)

  type Own = Exclude<keyof TokenSources.Options, keyof TokenSource.Options>
  type Case = readonly [
    given: TokenSources.Options,
    use: readonly [sets: ReadonlyArray<string>, minutes: number],
    byDefault: number,
    withOption: number
  ]
  const own: Record<Own, Case> = {
    releaseAfter: [{ releaseAfter: "1 minute" }, [["a", "a"], 2], 1, 2],
    capacity: [{ capacity: 1 }, [["a", "b", "a"], 0], 2, 3]
  }
  it.effect.each(Record.toEntries(own))(
    "TokenSources.layer hands on the option %s",
    ([, [given, use, byDefault, withOption]]) =>
      Effect.gen(function*() {
        expect(yield* requestsFor(...use)({})).toBe(byDefault)
        expect(yield* requestsFor(...use)(given)).toBe(withOption)
      })
  )
})

describe.concurrent("the options of Tilia", () => {
  const base: Tilia.Options = {
    environment: { authUrl, apiOrigins: ["https://api.example"] },
    clientId,
    clientSecret,
    scopes
  }

  declare("Tilia.layer", (options: TokenEndpoint.Options) => Tilia.make({ ...base, ...options }), ofEndpoint, {})

  declare(
    "Tilia.layer, in `source`,",
    (source: Omit<TokenSource.Options, "scopes">) => Tilia.make({ ...base, retry: RetryPolicy.none, source }),
    ofSource,
    {}
  )

  /** What a server receives of a program with these options, whose API rejects each token. */
  const receivedWith = (options: Tilia.Options) =>
    Effect.gen(function*() {
      const { client: http, received } = yield* MockHttpClient.make(({ url }) =>
        url.endsWith("/token") ? { body: token } : { status: 401 }
      )
      const { client } = yield* Effect.provideService(Tilia.make(options), HttpClient.HttpClient, http)
      yield* client.get("https://api.example/")
      return received.map(({ body, url }) => `${url} ${body}`)
    }).pipe(Effect.scoped)

  const other = "8d2a0b6e-5f0e-4a57-9c3b-1f2e3d4c5b6a"
  type Keys =
    | Exclude<keyof Tilia.Settings, keyof TokenEndpoint.Options | "source">
    | keyof ClientCredentials.Options
    | keyof Tilia.CredentialsEffect
    | "environment"
  const own: Record<Keys, readonly [given: Tilia.Options, first: string]> = {
    scopes: [{ ...base, scopes: ["read_wallet"] }, "&scope=read_wallet"],
    replay: [{ ...base, replay: "never" }, ""],
    clientId: [{ ...base, clientId: other }, `client_id=${other}&`],
    clientSecret: [{ ...base, clientSecret: other }, `&client_secret=${other}&`],
    credentials: [
      { ...base, credentials: Effect.succeed({ clientId: other, clientSecret: other }) },
      `client_id=${other}&client_secret=${other}&`
    ],
    environment: [
      { ...base, environment: { authUrl: "http://localhost:2", apiOrigins: ["https://api.example"] } },
      "http://localhost:2/token"
    ]
  }
  it.effect.each(Record.toEntries(own))(
    "Tilia.layer hands on the option %s",
    ([name, [given, part]]) =>
      Effect.gen(function*() {
        const [before, after] = [yield* receivedWith(base), yield* receivedWith(given)]
        expect(after).not.toStrictEqual(before)
        expect(after[0]).toContain(part)
        expect(after.filter((line) => line.startsWith("https://api.example")).length).toBe(name === "replay" ? 1 : 2)
      })
  )
})

describe("a value that no type allows, as JavaScript may give one", () => {
  const values = [
    NaN,
    -1,
    0,
    1.5,
    Infinity,
    "",
    "abc",
    null,
    {},
    [],
    [null],
    true,
    Symbol("x"),
    10n,
    () => 1,
    new Date(0)
  ]
  const base = { environment: { authUrl }, clientId, clientSecret, scopes }

  /** The options with this value, for the name of an option, or for the names of one and of one in it. */
  const withValue = (path: string, value: unknown): Tilia.Options => {
    const [outer = "", inner, innermost] = path.split(".")
    const given = innermost === undefined ? value : { [innermost]: value }
    const option = outer === "environment" ? base.environment : {}
    return Object.assign({}, base, {
      [outer]: inner === undefined ? value : Object.assign({}, option, { [inner]: given })
    })
  }

  it.effect.each([
    ...["environment", "environment.authUrl", "environment.apiOrigins", "clientId", "clientSecret", "scopes", "name"],
    ...[
      "retry",
      "retry.maxAttempts",
      "retry.baseDelay",
      "retry.maxDelay",
      "attemptTimeout",
      "budget",
      "onNarrowedScope"
    ],
    ...["replay", "source", "source.refreshAt", "source.jitter", "source.expiryMargin", "source.background"],
    ...["source.idleAfter", "source.start", "source.minRefreshInterval", "source.coolDown", "source.coolDown.base"],
    ...["source.coolDown.max", "source.coolDown.maxNotRetryable", "source.maxRetryAfter", "source.checkEvery"]
  ])("for %s is accepted or an InvalidInputError, and never a defect (E2)", (path) =>
    Effect.gen(function*() {
      const { client } = yield* MockHttpClient.make(() => ({ body: token }))
      for (const value of values) {
        const made = Effect.suspend(() => Tilia.make(withValue(path, value))).pipe(
          Effect.provideService(HttpClient.HttpClient, client),
          Effect.scoped,
          Effect.either
        )
        expect(Either.match(yield* made, { onLeft: ({ _tag }) => _tag, onRight: () => "accepted" })).toMatch(
          /^(InvalidInputError|accepted)$/
        )
      }
    }))
})
