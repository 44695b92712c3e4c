/*
 * What is said of a client, in a module of its own: the suite and the tests that it is made of both need it.
 */
import type { HttpClient } from "@effect/platform/HttpClient"
import type * as Layer from "effect/Layer"
import type { ScriptedServer } from "../ScriptedServer.js"

/**
 * What opens the servers, and what a client can't do, or does in its own way. Each of these is still tested: the suite
 * expects what the option says, so an option that isn't true fails.
 *
 * - `server`: what opens the servers (`NodeScriptedServer.layer()`, which is imported only where it is needed). A page
 *   needs `RemoteScriptedServer`, over a `NodeScriptedServer.serve` that adds `access-control-allow-origin`.
 * - `trusting`: the same client, with a certificate authority to trust, in PEM form. Without it the tests of
 *   certificates that are wrong in one way only, and of one that is right, are skipped.
 * - `hidesReasons`: every failure on the way is `Other`, and so tried again; browsers tell nothing of it.
 * - `hidesRedirects`: of a redirect that it may not follow it shows nothing, neither status nor target; so do browsers.
 * - `setsAcceptEncoding`: it sends an `accept-encoding` of its own whatever it is told, as browsers do.
 * - `decodesGzip`: it decodes a body by its `content-encoding`, as `fetch` does.
 * - `refuses407`: it makes a failure of a 407 that comes from no proxy, as `fetch` must.
 * - `refusesContinue`: it takes a 100 that it didn't ask for as a broken answer, as undici does.
 * - `dropsRepeatedHeaders`: of a `retry-after` that comes twice it keeps the first, as `node:http` does.
 * - `keepsUpgraded`: it leaves a connection open that the server has switched to another protocol, as `node:http` does.
 * - `except`: tests to skip, by the beginnings of their names, each with the reason, which vitest reports. One that no
 *   name begins with is an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly server?: Layer.Layer<ScriptedServer> | undefined
  readonly trusting?: ((authority: string) => Layer.Layer<HttpClient, unknown>) | undefined
  readonly hidesReasons?: boolean | undefined
  readonly hidesRedirects?: boolean | undefined
  readonly setsAcceptEncoding?: boolean | undefined
  readonly decodesGzip?: boolean | undefined
  readonly refuses407?: boolean | undefined
  readonly refusesContinue?: boolean | undefined
  readonly dropsRepeatedHeaders?: boolean | undefined
  readonly keepsUpgraded?: boolean | undefined
  readonly except?: Readonly<Record<string, string>> | undefined
}
