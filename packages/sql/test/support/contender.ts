/*
 * A process that takes locks of a SQLite file: for each line that it reads, the lock of the name in it. It prints
 * whether it has got it.
 */
import { StoreEngine } from "@effect-tilia/core/StoreEngine"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { argv, stdin, stdout } from "node:process"
import { createInterface } from "node:readline"
import * as SqlTokenStore from "../../src/SqlTokenStore.js"

const engine = SqlTokenStore.layer().pipe(Layer.provide(SqliteClient.layer({ filename: argv[2] ?? "" })))

const runtime = ManagedRuntime.make(engine)
const { lock } = await runtime.runPromise(StoreEngine)
stdout.write("ready\n")
for await (const name of createInterface(stdin)) {
  const result = await runtime.runPromise(Effect.either(lock(name)))
  stdout.write(`${result._tag === "Right" ? result.right._tag : result.left.reason}\n`)
}
await runtime.dispose()
