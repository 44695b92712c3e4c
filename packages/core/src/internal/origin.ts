import * as Schema from "effect/Schema"
import { withoutValue } from "./input.js"
import { isSafe } from "./safeUrl.js"

/** A base URL with nothing in it that could be a credential or be dropped. */
export const BaseUrl = Schema.URL.pipe(
  Schema.filter((url) => isSafe(url) && !/[?#]/.test(url.href))
).annotations(
  withoutValue("an https URL (http on loopback only) without user, query or fragment")
)

/** An origin, as browsers write it. */
export const Origin = Schema.transform(
  BaseUrl.pipe(Schema.filter((url) => url.pathname === "/")),
  Schema.typeSchema(Schema.String),
  { decode: (url) => url.origin, encode: (origin) => new URL(origin) }
).annotations(withoutValue("an https origin (http on loopback only), without path, user, query or fragment"))
