/*
 * Rows 1–56 of docs/design/faults.md for the browser's client, in a real page against real sockets.
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
  except: {
    "the client rejects a certificate of an unknown authority": "vitest has its pages trust every certificate",
    "a connection that the server closes in the middle of the headers":
      "Chromium takes the headers that came for all of them",
    "a response with both a Content-Length and chunked encoding": "Chromium goes by the chunks (RFC 9112 §6.3)",
    "a response with status 101": "Chromium waits for another answer after a 101: see BrowserTokenHttpClient.test.ts"
  }
})
