/**
 * @since 0.1.0
 */

export * as Connection from "./Connection.js"
export * as Faults from "./Faults.js"
export * as Sandbox from "./Sandbox.js"
