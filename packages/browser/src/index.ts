/**
 * @since 0.1.0
 */

export * as BrowserTilia from "./BrowserTilia.js"
export * as BrowserTokenHttpClient from "./BrowserTokenHttpClient.js"
export * as BrowserTokenStore from "./BrowserTokenStore.js"
