/*
 * Every option of `BrowserTilia.layer` reaches the part that it is for. The options of `source` are tested in core.
 */
import { BrowserTilia } from "@effect-tilia/browser"
import { AuthorizedHttpClient, TokenEndpoint, TokenSource } from "@effect-tilia/core"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"

type Services = TokenSource.TokenSource | TokenEndpoint.TokenEndpoint | AuthorizedHttpClient.AuthorizedHttpClient

/** What is observed of one page, which may open a second tab, without an option and with it. */
interface Case {
  readonly given: Partial<BrowserTilia.Options>
  /** The responses of the mediator and of the API. */
  readonly reply: (url: string) => Response | Promise<Response>
  readonly observe: (page: Page) => Effect.Effect<unknown, unknown, Scope.Scope>
  readonly byDefault: unknown
  readonly withOption: unknown
}

interface Page {
  readonly context: Context.Context<Services>
  /** The URL and the body of each request so far. */
  readonly requests: ReadonlyArray<string>
  readonly anotherTab: Effect.Effect<Context.Context<Services>, unknown, Scope.Scope>
}

const api = "https://api.example"

const grant = () => Response.json({ access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "user_info" })
const refusal = () =>
  Response.json({ _tag: "ServiceUnavailableError", retryable: true, message: "later" }, { status: 503 })
const stalled = () => new Promise<Response>(() => {})

const get = (context: Context.Context<Services>) => Context.get(context, TokenSource.TokenSource).get

const attemptsOf = ({ context, requests }: Page) => Effect.map(Effect.exit(get(context)), () => requests.length)

/** How a request ends within a second. */
const endOf = (scopes: ReadonlyArray<string>) => ({ context }: Page) =>
  Context.get(context, TokenEndpoint.TokenEndpoint).requestToken(scopes).pipe(
    Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: () => "a token" }),
    Effect.timeoutTo({ duration: "1 second", onSuccess: (end) => end, onTimeout: () => "nothing yet" })
  )

const firstRequest = ({ context, requests }: Page) => Effect.map(get(context), () => requests[0])

const apiStatus = ({ context, requests }: Page) =>
  Context.get(context, AuthorizedHttpClient.AuthorizedHttpClient).get(`${api}/`).pipe(
    Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: ({ status }) => status }),
    Effect.map((end) => [end, requests.filter((request) => request.startsWith(api)).length])
  )

const name = crypto.randomUUID()

const cases: Record<keyof BrowserTilia.Options, Case> = {
  mediatorUrl: {
    given: { mediatorUrl: "/other/token" },
    reply: grant,
    observe: (page) => Effect.map(firstRequest(page), (request) => request?.split(" ")[0]),
    byDefault: "/tilia/token",
    withOption: "/other/token"
  },
  principal: {
    given: { principal: name },
    reply: grant,
    observe: ({ anotherTab, context, requests }) =>
      Effect.gen(function*() {
        yield* get(context)
        yield* get(yield* anotherTab)
        return requests.length
      }),
    byDefault: 2,
    withOption: 1
  },
  scopes: {
    given: { scopes: ["read_wallet"] },
    reply: () => Response.json({ access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "read_wallet" }),
    observe: (page) => Effect.map(firstRequest(page), (request) => request?.includes("read_wallet")),
    byDefault: false,
    withOption: true
  },
  environment: {
    given: { environment: { authUrl: "https://auth.example" } },
    reply: (url) => url.startsWith(api) ? new Response("") : grant(),
    observe: apiStatus,
    byDefault: [200, 1],
    withOption: ["ForbiddenOriginError", 0]
  },
  replay: {
    given: { replay: "never" },
    reply: (url) => url.startsWith(api) ? new Response("", { status: 401 }) : grant(),
    observe: apiStatus,
    byDefault: [401, 2],
    withOption: [401, 1]
  },
  source: {
    given: { source: { start: "eager" } },
    reply: grant,
    observe: ({ requests }) => Effect.delay(Effect.sync(() => requests.length), "500 millis"),
    byDefault: 0,
    withOption: 1
  },
  name: {
    given: { name: "billing" },
    reply: grant,
    observe: ({ context }) => Effect.sync(() => Context.get(context, TokenEndpoint.TokenEndpoint).labels?.client),
    byDefault: undefined,
    withOption: "billing"
  },
  retry: {
    given: { retry: { maxAttempts: 2, baseDelay: "1 millis" } },
    reply: refusal,
    observe: attemptsOf,
    byDefault: 4,
    withOption: 2
  },
  budget: {
    given: { budget: "100 millis" },
    reply: stalled,
    observe: endOf(["user_info"]),
    byDefault: "nothing yet",
    withOption: "TokenTimeoutError"
  },
  attemptTimeout: {
    given: { attemptTimeout: "10 millis", retry: { maxAttempts: 1 } },
    reply: stalled,
    observe: endOf(["user_info"]),
    byDefault: "nothing yet",
    withOption: "TokenTimeoutError"
  },
  onNarrowedScope: {
    given: { onNarrowedScope: "fail" },
    reply: grant,
    observe: endOf(["user_info", "read_wallet"]),
    byDefault: "a token",
    withOption: "InvalidScopeError"
  }
}

const observed = ({ observe, reply }: Case, given: Partial<BrowserTilia.Options>) =>
  Effect.gen(function*() {
    const requests: Array<string> = []
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const url = input instanceof Request ? input.url : String(input)
      const body = await new Response(init?.body).text()
      requests.push(`${url.replace(location.origin, "")} ${body}`)
      return reply(url)
    }
    const open = Layer.build(
      BrowserTilia.layer({
        mediatorUrl: "/tilia/token",
        environment: { authUrl: "https://auth.example", apiOrigins: [api] },
        scopes: ["user_info"],
        ...given
      }).pipe(
        Layer.provide([Layer.succeed(FetchHttpClient.Fetch, fetch), Logger.minimumLogLevel(LogLevel.None)])
      )
    )
    const inPage = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.provideService(effect, FetchHttpClient.Fetch, fetch)
    return yield* inPage(observe({ context: yield* open, requests, anotherTab: open }))
  }).pipe(Effect.scoped)

it.live.each(Record.toEntries(cases))("BrowserTilia.layer hands on the option %s", ([, row]) =>
  Effect.gen(function*() {
    expect(yield* observed(row, {})).toStrictEqual(row.byDefault)
    expect(yield* observed(row, row.given)).toStrictEqual(row.withOption)
  }))
