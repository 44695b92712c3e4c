/*
 * How page and mediator name a rejected token without sending it: by its hash, which is FNV-1a of 32 bits over the
 * bytes of the token's text (draft-eastlake-fnv). It need not withstand an attacker: it only tells two tokens of one
 * page apart.
 */
import * as Redacted from "effect/Redacted"
import type { AccessToken } from "../../AccessToken.js"

export const hash = (token: Pick<AccessToken, "value">): number => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(Redacted.value(token.value))) {
    hash = Math.imul(hash ^ byte, 0x01000193)
  }
  return hash >>> 0
}
