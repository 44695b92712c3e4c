/*
 * The code of each tab: the page of an application. The tests press its buttons.
 */
import * as BrowserTilia from "@effect-tilia/browser/BrowserTilia"
import * as BrowserTokenStore from "@effect-tilia/browser/BrowserTokenStore"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

const textOf = ({ value }: { readonly value: Redacted.Redacted }) => Redacted.value(value)

/** Settings that a test may change. */
export interface Settings {
  /** As many attempts as the budget allows. */
  readonly budget?: number | undefined
}

const tagOf = (error: unknown) => error instanceof Error && "_tag" in error ? String(error._tag) : String(error)

const logIn = (mediatorUrl: string, principal: string | undefined, { budget }: Settings = {}) => {
  const runtime = ManagedRuntime.make(BrowserTilia.layer({
    mediatorUrl,
    principal,
    environment: { authUrl: location.origin, apiOrigins: [location.origin] },
    scopes: ["user_info"],
    ...(budget === undefined ? { retry: { maxAttempts: 1 } } : { budget })
  }))
  const skipped: Array<string> = []
  const withSource = <A, E>(use: (source: TokenSource.TokenSource) => Effect.Effect<A, E>) =>
    runtime.runPromise(
      Effect.flatMap(TokenSource.TokenSource, use).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )

  void withSource(({ changes }) =>
    Stream.runForEach(changes, (event) =>
      Effect.sync(() => {
        if (event._tag === "StoreSkipped") skipped.push(event.reason)
      }))
  )
  return {
    get: () => withSource(({ get }) => Effect.map(get, textOf)),
    /** The token of the tab after an API has rejected the current one. */
    refused: () =>
      withSource(({ get, invalidate }) => Effect.zipRight(Effect.flatMap(get, invalidate), Effect.map(get, textOf))),
    got: async () => {
      const before = performance.now()
      const result = await withSource(({ get }) =>
        Effect.merge(Effect.mapBoth(get, { onSuccess: textOf, onFailure: tagOf }))
      )
      return { result, millis: performance.now() - before }
    },
    use: async (millis: number) => {
      const results: Array<string> = []
      for (const end = performance.now() + millis; performance.now() < end;) {
        results.push(
          await withSource(({ get }) => Effect.merge(Effect.mapBoth(get, { onSuccess: textOf, onFailure: tagOf })))
        )
        await new Promise((resolve) => setTimeout(resolve, 200 + 200 * Math.random()))
      }
      return results
    },
    /** The token after an API has rejected this one. */
    afterRefusal: (text: string) =>
      withSource(({ get, invalidate }) =>
        Effect.flatMap(get, (token) => textOf(token) === text ? Effect.zipRight(invalidate(token), get) : get).pipe(
          Effect.map(textOf)
        )
      ),
    leave: () => runtime.dispose(),
    peek: () => withSource(({ peek }) => Effect.sync(() => Option.getOrNull(Option.map(peek(), textOf)))),
    clear: () =>
      runtime.runPromise(Effect.flatMap(BrowserTokenStore.BrowserTokenStore, ({ clear }) => Effect.as(clear, null))),
    skipped: () => skipped,
    /** Everything that the page has stored in the browser. */
    stored: async () => {
      const databases = await indexedDB.databases()
      const caches = await globalThis.caches.keys()
      return JSON.stringify([
        { ...localStorage },
        { ...sessionStorage },
        databases,
        caches,
        document.cookie,
        location.href
      ])
    }
  }
}

export type Tab = ReturnType<typeof logIn>

declare global {
  interface Window {
    readonly logIn: typeof logIn
    tab: Tab
    readonly deliveries: Array<null>
  }
}

Object.assign(window, { logIn })
