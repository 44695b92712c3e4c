/*
 * The token endpoint of all lanes. It responds with a token of the usual size, after a delay in milliseconds, if one is
 * given.
 */
import { createServer } from "node:http"
import * as Child from "./Child.js"

Child.pinToCore("server")

const delay = Number(process.argv[2] ?? 0)

const body = JSON.stringify({
  access_token: `eyJ${"a".repeat(600)}.${"b".repeat(600)}.${"c".repeat(600)}`,
  token_type: "Bearer",
  expires_in: "3600",
  scope: "user_info,write_invoices"
})
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) }

const server = createServer((request, response) => {
  request.resume().once("end", () =>
    delay > 0
      ? setTimeout(() => response.writeHead(200, headers).end(body), delay)
      : response.writeHead(200, headers).end(body))
})

server.keepAliveTimeout = 60_000
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send?.(typeof address === "object" ? address?.port : undefined)
})
process.once("disconnect", () => process.exit())
