/*
 * Records everything that the browser's user or a script of the page can see: responses, scripts, console lines, and
 * what is stored.
 */
import * as Effect from "effect/Effect"
import type { BrowserContext, Page } from "playwright"

export interface Record {
  /** Each text, and where it was: `GET http://…/page.js`, `console` and so on. */
  readonly texts: Effect.Effect<ReadonlyArray<readonly [where: string, text: string]>>
  /** The errors on the console, and the uncaught ones. */
  readonly errors: () => ReadonlyArray<string>
}

/** Whether the browser itself wrote this line, about a response that is not a success. */
export const isFailedLoad = (line: string): boolean => line.startsWith("Failed to load resource")

const storageOf = (page: Page) =>
  page.evaluate(async () =>
    JSON.stringify([
      { ...localStorage },
      { ...sessionStorage },
      await indexedDB.databases(),
      await caches.keys(),
      document.cookie,
      location.href,
      document.documentElement.outerHTML
    ])
  )

/** Records from now on, in every tab of the profile. */
export const record = (profile: BrowserContext): Record => {
  const texts: Array<readonly [string, string]> = []
  const errors: Array<string> = []
  const bodies: Array<Promise<void>> = []
  profile.on("console", (message) => {
    texts.push(["console", message.text()])
    if (message.type() === "error") errors.push(message.text())
  })
  profile.on("weberror", (error) => {
    texts.push(["error", `${error.error().stack}`])
    errors.push(error.error().message)
  })
  profile.on("response", (response) => {
    const where = `${response.request().method()} ${response.url()}`
    bodies.push(
      Promise.all([response.text(), response.allHeaders()]).then(
        ([body, headers]) => void texts.push([where, body], [`${where}, headers`, JSON.stringify(headers)]),
        () => {} // the response of a tab that was closed meanwhile is gone
      )
    )
  })
  return {
    errors: () => errors,
    texts: Effect.promise(async () => {
      await Promise.all(bodies)
      const stored = await Promise.all(profile.pages().map(storageOf))
      const cookies = JSON.stringify(await profile.cookies())
      return [...texts, ...stored.map((text) => ["page", text] as const), ["cookies", cookies] as const]
    })
  }
}

const percentDecoded = (text: string): string => {
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return decoded === text ? text : percentDecoded(decoded)
}

/** Makes a test of whether a text shows the secret: plain, percent-encoded, in hex, or in base64 at any position. */
export const showing = (secret: string) => {
  const inBase64 = [0, 1, 2].map((before) => {
    const whole = Buffer.from(" ".repeat(before) + secret).toString("base64")
    return whole.slice(Math.ceil(before * 8 / 6), Math.floor((before + secret.length) * 8 / 6))
  })
  const forms = [secret, Buffer.from(secret).toString("hex"), ...inBase64].map((form) => form.toLowerCase())
  return (text: string): boolean => {
    const texts = [text, percentDecoded(text)].map((text) => text.toLowerCase())
    return forms.some((form) => texts.some((text) => text.includes(form)))
  }
}
