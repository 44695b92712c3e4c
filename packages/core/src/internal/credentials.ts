/*
 * When two credentials are the same.
 */
import * as Equal from "effect/Equal"
import type { Credentials } from "../ClientCredentials.js"

export const isSame = (one: Credentials, other: Credentials): boolean =>
  one.clientId === other.clientId && Equal.equals(one.clientSecret, other.clientSecret)
