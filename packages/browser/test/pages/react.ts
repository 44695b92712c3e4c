/*
 * A page of React as docs/browser.md writes it, in StrictMode: React mounts each component twice.
 */
import type * as Tilia from "@effect-tilia/core/Tilia"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import { createElement, StrictMode, useEffect, useState } from "react"
import { createRoot } from "react-dom/client"
import { runtime } from "./hot.js"
import { outcomeOf } from "./outcome.js"

const mounts: Array<string> = []

const useTilia = <A, E>(effect: Effect.Effect<A, E, Tilia.Tilia>) => {
  const [exit, setExit] = useState<Exit.Exit<A, unknown>>()
  useEffect(() => {
    mounts.push("mounted")
    const controller = new AbortController()
    void runtime.runPromiseExit(effect, { signal: controller.signal }).then((exit) => {
      if (!controller.signal.aborted) setExit(exit)
    })
    return () => {
      mounts.push("left")
      controller.abort()
    }
  }, [effect])
  return exit
}

const tokenText = Effect.flatMap(
  TokenSource.TokenSource,
  ({ get }) => Effect.map(get, ({ value }) => Redacted.value(value))
)

const Token = () => {
  const exit = useTilia(tokenText)
  return createElement("output", null, exit === undefined ? "" : Exit.getOrElse(exit, String))
}

const render = () => {
  const root = document.createElement("div")
  document.body.append(root)
  createRoot(root).render(
    createElement(StrictMode, null, createElement(Token, { key: 1 }), createElement(Token, { key: 2 }))
  )
}

/** Runs the worker of the site in a worker that was made of a blob. `mediatorUrl` is what it asks. */
const inBlobWorker = (mediatorUrl: string) =>
  new Promise((resolve) => {
    const source = `import ${JSON.stringify(`${location.origin}/worker.js`)}`
    const blob = new Blob([source], { type: "text/javascript" })
    const worker = new Worker(URL.createObjectURL(blob), { type: "module", name: mediatorUrl })
    worker.addEventListener("message", ({ data }) => resolve(data))
    worker.addEventListener("error", ({ message }) => resolve({ message }))
  })

/** Runs the same in a frame without an address and without an origin. */
const inSandboxedFrame = (mediatorUrl: string) =>
  new Promise((resolve) => {
    const frame = document.createElement("iframe")
    frame.setAttribute("sandbox", "allow-scripts")
    frame.name = mediatorUrl
    frame.srcdoc = `<script src="${location.origin}/frame.js"></script>`
    globalThis.addEventListener("message", ({ data }) => resolve(data), { once: true })
    document.body.append(frame)
  })

/** The token of the module at this address. Without an old `hot` of Vite's, the module gets a new one. */
const loaded = async (url: string, keepsHot: boolean): Promise<string> => {
  if (!keepsHot || !("hot" in globalThis)) Object.assign(globalThis, { hot: { data: {} } })
  const { get }: { readonly get: () => Promise<string> } = await import(url)
  return get()
}

const shop = { loaded, inBlobWorker, inSandboxedFrame, mounts, outcomeOf, render }

declare global {
  interface Window {
    readonly shop: typeof shop
  }
}

Object.assign(window, { shop })
