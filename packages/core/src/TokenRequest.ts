/**
 * The body of `POST /token`, and the HTTP request that carries it.
 *
 * @example
 * import { TokenRequest } from "@effect-tilia/core"
 * import { Schema } from "effect"
 *
 * // For a server of your own that speaks the protocol: what it does not accept is not quoted by the error.
 * const decodeForm = Schema.decodeUnknown(TokenRequest.TokenRequest)
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.4.2 RFC 6749 §4.4.2}
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { ClientId, ClientSecret } from "./ClientCredentials.js"
import { withoutValue } from "./internal/input.js"
import { Scopes } from "./Scopes.js"

/**
 * The four fields of the form, to and from the wire. Unlike RFC 6749, this API separates scopes by commas. The error of
 * a refused form quotes none of its fields.
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
 * The HTTP request: the credentials are in its body and nowhere else, and no other field is sent. It asks for a
 * response that is not compressed, because some clients cannot decompress one.
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
    // Not by the schema, which would validate again what was validated when it was made (P3).
    client_id,
    client_secret: Redacted.value(client_secret),
    grant_type,
    scope: scope.join(",")
  }))
