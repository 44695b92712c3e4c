/*
 * The options of `adapterContract`, in a module of their own, because both the suite and its tests need them.
 */
import type { HttpClient } from "@effect/platform/HttpClient"
import type * as Layer from "effect/Layer"
import type { ScriptedServer } from "../ScriptedServer.js"

/**
 * Where the servers run, and what the client cannot do or does in its own way. The suite tests the behavior that an
 * option describes, so an option that is not true makes a test fail.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * What opens the servers. A page needs `RemoteScriptedServer.layer`.
   *
   * @default `NodeScriptedServer.layer()`, which is imported only if it is needed
   */
  readonly server?: Layer.Layer<ScriptedServer> | undefined
  /**
   * Makes the same client, which trusts this certificate authority (in PEM form). It serves to test certificates that
   * are wrong in only one respect.
   *
   * @default the tests that need it are skipped
   */
  readonly trusting?: ((authority: string) => Layer.Layer<HttpClient, unknown>) | undefined
  /**
   * The client cannot tell why there is no response, as in browsers. Each such failure has the reason `"Other"`, and is
   * retried.
   *
   * @default false
   */
  readonly hidesReasons?: boolean | undefined
  /**
   * The client shows neither the status nor the target of a redirect that it does not follow, as in browsers.
   *
   * @default false
   */
  readonly hidesRedirects?: boolean | undefined
  /**
   * The client always sends an `Accept-Encoding` of its own, as browsers do.
   *
   * @default false
   */
  readonly setsAcceptEncoding?: boolean | undefined
  /**
   * The client decodes a body by its `Content-Encoding`, as fetch does.
   *
   * @default false
   */
  readonly decodesGzip?: boolean | undefined
  /**
   * The client fails on a 407 that does not come from a proxy, as fetch must.
   *
   * @default false
   */
  readonly refuses407?: boolean | undefined
  /**
   * The client fails on a 100 that it did not ask for, as undici does.
   *
   * @default false
   */
  readonly refusesContinue?: boolean | undefined
  /**
   * The client keeps only the first of two `Retry-After` headers, as `node:http` does.
   *
   * @default false
   */
  readonly dropsRepeatedHeaders?: boolean | undefined
  /**
   * The client uses a connection again for its next request, as undici and browsers do.
   *
   * @default false
   */
  readonly reusesConnections?: boolean | undefined
  /**
   * The client keeps a connection open after a response with status 101, as `node:http` does.
   *
   * @default false
   */
  readonly keepsUpgraded?: boolean | undefined
  /**
   * The suite also plays all responses on which the library alone decides, such as all wrong values of `expires_in`.
   * They show nothing about the client, so by default the suite plays one response of each kind.
   *
   * @default false
   */
  readonly playsEveryResponse?: boolean | undefined
  /**
   * Tests to skip: the beginnings of their titles, each with the reason, which vitest reports. If no title begins so, a
   * test fails.
   *
   * @default {}
   */
  readonly except?: Readonly<Record<string, string>> | undefined
}
