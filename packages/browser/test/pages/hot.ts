/// <reference types="vite/client" />
/*
 * The module of docs/browser.md that makes the runtime, as Vite loads it again after a change.
 */
import * as BrowserTilia from "@effect-tilia/browser/BrowserTilia"
import type * as Tilia from "@effect-tilia/core/Tilia"
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"

const hot = import.meta.hot

export const runtime: ManagedRuntime.ManagedRuntime<Tilia.Tilia, InvalidInputError> = hot?.data["runtime"] ??
  ManagedRuntime.make(BrowserTilia.layer({
    mediatorUrl: "/tilia/token",
    environment: { authUrl: location.origin },
    scopes: ["user_info"]
  }))

if (hot !== undefined) hot.data["runtime"] = runtime

export const get = () =>
  runtime.runPromise(
    Effect.flatMap(TokenSource.TokenSource, ({ get }) => Effect.map(get, ({ value }) => Redacted.value(value)))
  )
