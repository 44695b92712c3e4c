/**
 * @since 0.1.0
 */

export * as NodeClientCredentials from "./NodeClientCredentials.js"
export * as NodeTilia from "./NodeTilia.js"
export * as NodeTokenHttpClient from "./NodeTokenHttpClient.js"
