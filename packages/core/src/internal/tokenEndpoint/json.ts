/*
 * The body of a response as JSON, or a sentence that says what is wrong with it. The sentence never quotes the body,
 * which may hold a token; the errors of `JSON.parse` would. Pure.
 */
import * as Either from "effect/Either"
import type { RawResponse } from "./rawResponse.js"

export const parse = (text: string): Either.Either<unknown, string> =>
  Either.try({ try: (): unknown => JSON.parse(text), catch: () => "its body isn't JSON" })

/** A BOM is dropped, and anything but UTF-8 is refused (E4). */
const decodeUtf8 = (bytes: Uint8Array): Either.Either<string, string> =>
  Either.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => "its body isn't UTF-8"
  })

/** The whole body as JSON (E4, E5). */
export const fromResponse = ({ body, isComplete }: RawResponse): Either.Either<unknown, string> =>
  isComplete ? Either.flatMap(decodeUtf8(body), parse) : Either.left("its body is larger than 256 KiB")
