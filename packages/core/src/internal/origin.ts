/*
 * Base URLs and origins that a user configures.
 */
import * as Schema from "effect/Schema"
import { urlText, validate, withoutValue } from "./input.js"
import { isSafe } from "./safeUrl.js"

/** A base URL without parts that could be a credential, or that would be lost. */
export const BaseUrl = Schema.URL.pipe(
  Schema.filter((url) => isSafe(url) && !/[?#]/.test(url.href) && !url.hostname.includes("*"))
).annotations(
  withoutValue("an https URL (http on loopback only) without user, query or fragment")
)

/** An origin in the form in which browsers write it. */
export const Origin = Schema.transform(
  BaseUrl.pipe(Schema.filter((url) => url.pathname === "/")),
  Schema.typeSchema(Schema.String),
  { decode: (url) => url.origin, encode: (origin) => new URL(origin) }
).annotations(withoutValue("an https origin (http on loopback only), without path, user, query or fragment"))

/**
 * Where the token may be sent (A1): an origin in the form in which browsers write it, or an origin and a path that ends
 * with a slash, so that a comparison ends with a whole segment of the path.
 */
const ApiOrigin = Schema.transform(BaseUrl, Schema.typeSchema(Schema.String), {
  decode: ({ origin, pathname }) => {
    const path = pathname.replace(/\/*$/, "/")
    return path === "/" ? origin : `${origin}${path}`
  },
  encode: (text) => new URL(text)
})

export const ApiOrigins = Schema.Array(ApiOrigin).annotations(
  withoutValue("https origins (http on loopback only), with or without a path, without user, query or fragment")
)

/** The API origins of an option, each a text or a URL. */
export const apiOrigins = (input: unknown) =>
  validate("apiOrigins", ApiOrigins)(Array.isArray(input) ? input.map(urlText) : input)
