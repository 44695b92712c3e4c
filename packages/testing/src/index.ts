/**
 * @since 0.1.0
 */

export * as InMemoryHttpClient from "./InMemoryHttpClient.js"
export * from "./leakProbe.js"
export * as MockHttpClient from "./MockHttpClient.js"
export * as SandboxHttpClient from "./SandboxHttpClient.js"
export * as SkewClock from "./SkewClock.js"
export * as TestAccessToken from "./TestAccessToken.js"
export * as TestTokenEndpoint from "./TestTokenEndpoint.js"
export * as TestTokenSource from "./TestTokenSource.js"
