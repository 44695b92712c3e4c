/**
 * What is asked: the body of `POST /token`, and the HTTP request that carries it (RFC 6749 §4.4.2).
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { ClientId, ClientSecret } from "./ClientCredentials.js"
import { withoutValue } from "./internal/input.js"
import { Scopes } from "./Scopes.js"

/**
 * The four fields of the form, to and from what goes over the wire. Deviating from RFC 6749, this API separates scopes
 * by commas. What is refused is not quoted, in whatever field it stands.
 *
 * @since 0.1.0
 * @category models
 */
export const TokenRequest = Schema.Struct({
  client_id: ClientId,
  client_secret: ClientSecret,
  grant_type: Schema.Literal("client_credentials"),
  scope: Scopes
}).annotations(withoutValue("a token request: client_id, client_secret, grant_type=client_credentials and scope"))

/**
 * @since 0.1.0
 * @category models
 */
export type TokenRequest = typeof TokenRequest.Type

/**
 * The HTTP request: the credentials are in its body and nowhere else, and no other field goes with them (E1). The body
 * is never compressed on its way back, because not every client can read that.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toHttpClientRequest = (
  { client_id, client_secret, grant_type, scope }: TokenRequest,
  tokenUrl: string
): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.post(tokenUrl, {
    headers: { "accept": "application/json", "accept-encoding": "identity" }
  }).pipe(HttpClientRequest.bodyUrlParams({
    // By hand: the schema would validate once more what was validated as it was made (P3).
    client_id,
    client_secret: Redacted.value(client_secret),
    grant_type,
    scope: scope.join(",")
  }))
