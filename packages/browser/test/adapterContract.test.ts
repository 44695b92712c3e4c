/*
 * The adapter contract for the HTTP client of the browser, in a real page against real sockets (rows 1–56 of
 * docs/design/faults.md).
 */
import { BrowserTokenHttpClient } from "@effect-tilia/browser"
import { adapterContract } from "@effect-tilia/contract/adapterContract"
import * as RemoteScriptedServer from "@effect-tilia/contract/RemoteScriptedServer"
import { inject } from "vitest"

adapterContract("browser", BrowserTokenHttpClient.layer, {
  server: RemoteScriptedServer.layer(inject("scriptedServer")),
  hidesReasons: true,
  hidesRedirects: true,
  setsAcceptEncoding: true,
  decodesGzip: true,
  refuses407: true,
  reusesConnections: true,
  except: {
    "the client rejects a certificate of an unknown authority": "the pages of vitest trust every certificate",
    "a connection that the server closes in the middle of the headers":
      "Chromium takes the headers that have arrived for all of them",
    "a response with both a Content-Length and chunked encoding": "Chromium reads the chunks (RFC 9112 §6.3)",
    "a response with status 101": "Chromium waits for another response after a 101: see BrowserTokenHttpClient.test.ts"
  }
})
