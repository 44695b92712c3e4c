/**
 * @since 0.1.0
 */

export * as BrowserTokenHttpClient from "./BrowserTokenHttpClient.js"
