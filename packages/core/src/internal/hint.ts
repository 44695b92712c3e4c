/*
 * What is wrong with a value, in a clause that can be read after what would have been accepted. A value is quoted only
 * where it cannot be a secret (F2).
 */

/** Ids and secrets of this API are UUIDs, and tokens are JWTs. A URL may hold a password, as may `password=…`. */
const mayBeSecret = /[0-9a-f]{8}-?[0-9a-f]{4}|eyJ|[@?#=]|[^ -~]|.{201}/i

/** The value in quotes; nothing if it may be a secret. */
export const quoted = (value: string): string | undefined => mayBeSecret.test(value) ? undefined : JSON.stringify(value)

/** The value in quotes, or a word for it. */
const named = (value: string): string => quoted(value) ?? "the value"

/** What a shell, a file or a copy adds to a value; nothing if it is as it should be. It shows no value. */
export const around = (value: string): string | undefined => {
  if (value === "") return "it is empty"
  if (value.trim() !== value) return "there is white space around it"
  return /^(["'`]).*\1$/.test(value) ? "it is in quotes" : undefined
}

/** How many characters two texts have in common, in this order. */
const common = (one: string, other: string): number => {
  let row = Array.from({ length: other.length + 1 }, () => 0)
  for (const character of one) {
    const above = row
    row = [0]
    for (let n = 0; n < other.length; n++) {
      row.push(character === other[n] ? (above[n] ?? 0) + 1 : Math.max(above[n + 1] ?? 0, row[n] ?? 0))
    }
  }
  return row.at(-1) ?? 0
}

/** The name that was probably meant: one that has nearly all of the value's characters. */
export const nearest = (value: string, names: ReadonlyArray<string>): string | undefined => {
  const typed = value.trim().toLowerCase()
  if (typed.length < 3) return undefined
  return names.find((name) => common(typed, name) >= 0.75 * typed.length)
}

/** One of these names was expected. */
export const ofNames = (value: string, names: ReadonlyArray<string>): string => {
  const meant = nearest(value, names)
  const clause = around(value) ?? `${named(value)} is not`
  return meant === undefined ? clause : `${clause} (did you mean ${meant}?)`
}

/** A base URL or an origin was expected. */
export const ofUrl = (value: string): string => {
  const wrapped = around(value)
  if (wrapped !== undefined) return wrapped
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(value)) return "it has a user or a password"
  if (/\/token\/*$/.test(value)) return "it ends with /token, which is added by itself"
  if (/[?#]/.test(value)) return "it has a query or a fragment"
  if (value.includes("*")) return "a wildcard is not possible"
  if (/^http:/i.test(value)) return `${named(value)} is plain http, and not on loopback`
  if (/^[\w-]+(\.[\w-]+)+(:\d+)?(\/|$)/.test(value)) return `${named(value)} has no scheme (did you mean https://…?)`
  return `${named(value)} is not`
}

/** Scopes were expected. */
export const ofScopes = (isScope: (text: string) => boolean) => (scopes: ReadonlyArray<string>): string => {
  const wrong = scopes.find((scope) => !isScope(scope))
  if (scopes.length === 0) return "there is none"
  if (wrong === undefined || wrong === "") return scopes.length > 1 ? "one of them is empty" : "there is none"
  return wrong.includes(" ") ? `${named(wrong)} has a space (separate scopes by commas)` : `${named(wrong)} is not`
}
