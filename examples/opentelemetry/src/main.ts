/*
 * Runs the program once. `OTEL_EXPORTER_OTLP_ENDPOINT` says where the collector is.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { program } from "./program.js"

Config.string("OTEL_EXPORTER_OTLP_ENDPOINT").pipe(
  Config.withDefault("http://localhost:4318"),
  Effect.flatMap(program),
  NodeRuntime.runMain
)
