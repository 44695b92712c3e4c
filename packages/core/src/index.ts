/**
 * @since 0.1.0
 */

export * as AccessToken from "./AccessToken.js"
export * as AuthorizedHttpClient from "./AuthorizedHttpClient.js"
export * as ClientCredentials from "./ClientCredentials.js"
export * as Environment from "./Environment.js"
export * as Instant from "./Instant.js"
export * as RetryPolicy from "./RetryPolicy.js"
export * as Scopes from "./Scopes.js"
export * as SlidingPubSub from "./SlidingPubSub.js"
export * as Telemetry from "./Telemetry.js"
export * as Tilia from "./Tilia.js"
export * as TokenEndpoint from "./TokenEndpoint.js"
export * as TokenError from "./TokenError.js"
export * as TokenEvent from "./TokenEvent.js"
export * as TokenMediator from "./TokenMediator.js"
export * as TokenMediatorServer from "./TokenMediatorServer.js"
export * as TokenRequest from "./TokenRequest.js"
export * as TokenResponse from "./TokenResponse.js"
export * as TokenSource from "./TokenSource.js"
export * as TokenSources from "./TokenSources.js"
export * as TokenStore from "./TokenStore.js"
