import { describe, expect, it } from "@effect/vitest"
import { isSafe } from "../../src/internal/safeUrl.js"

describe("URLs that a secret or a token may be sent to (A1)", () => {
  it.each([
    "https://api.example/v1?a=b#c",
    "https://localhost/",
    "http://localhost/",
    "http://localhost:8080/",
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "http://127.255.34.145/",
    "http://[::1]/",
    "http://[::1]:8080/"
  ])("%s is safe: it is HTTPS, or HTTP on loopback (A1)", (url) => {
    expect(isSafe(new URL(url))).toBe(true)
  })

  it.each([
    "http://api.example/",
    "http://localhost.example/",
    "http://my.localhost/",
    "http://xlocalhost/",
    "http://127.0.0.1.example/",
    "http://126.0.0.1/",
    "http://1.127.0.0/",
    "http://[::2]/",
    "http://[::1:1]/",
    "http://[1::1]/",
    "ftp://localhost/",
    "ws://localhost/",
    "file:///localhost",
    "https://user@api.example/",
    "https://user:secret@api.example/",
    "https://:secret@api.example/",
    "http://user@localhost/",
    "http://:secret@localhost/"
  ])("%s is not safe (A1)", (url) => {
    expect(isSafe(new URL(url))).toBe(false)
  })
})
