/*
 * Starts real processes that share one token, and asks them what they got.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, fork } from "node:child_process"
import { env } from "node:process"

/** What the callers of one process got since it began. */
export interface Report {
  /** How many calls failed, by the tag of the error. */
  readonly failures: Record<string, number>
  /** How many calls got a token that had expired before they were made. */
  expired: number
  /** How many commands of the engine its source has given up. */
  skipped: number
  /** The text of the token that the last call got; empty if there was none. */
  token: string
}

export type Message =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Requesting"; readonly isRequesting: boolean }
  | { readonly _tag: "Report"; readonly report: Report }

/** One process. */
export interface Member {
  /** Begins to call. */
  readonly go: Effect.Effect<void>
  /** What its callers got. It must be running. */
  readonly report: Effect.Effect<Report>
  /** Whether it requests a token, as far as it has told. */
  readonly isRequesting: () => boolean
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => Effect.Effect<void>
}

export interface Options {
  readonly count: number
  /** The authorization server's URL. */
  readonly authUrl: string
  /** The engine, as `Stores.layerOf` takes it. */
  readonly store: string
  /** The file of `worker.ts`, built. */
  readonly worker: string
}

const next = <Tag extends Message["_tag"]>(
  child: ChildProcess,
  tag: Tag
): Effect.Effect<Extract<Message, { readonly _tag: Tag }>> =>
  Effect.async((resume) => {
    const is = (message: Message): message is Extract<Message, { readonly _tag: Tag }> => message._tag === tag
    const listen = (message: Message) => {
      if (is(message)) done(Effect.succeed(message))
    }
    const exit = () => done(Effect.dieMessage("A process of the fleet has ended."))
    const leave = () => child.off("message", listen).off("exit", exit)
    const done = (result: Effect.Effect<Extract<Message, { readonly _tag: Tag }>>) => {
      leave()
      resume(result)
    }
    child.on("message", listen).on("exit", exit)
    if (child.exitCode !== null || child.signalCode !== null) exit()
    return Effect.sync(leave)
  })

const memberOf = (child: ChildProcess): Member => {
  let isRequesting = false
  child.on("message", (message: Message) => {
    if (message._tag === "Requesting") isRequesting = message.isRequesting
  })
  const send = (message: "go" | "report") => Effect.sync(() => void child.send(message))
  return {
    go: send("go"),
    report: Effect.map(
      Effect.zipRight(send("report"), next(child, "Report")),
      ({ report }) => report
    ),
    isRequesting: () => isRequesting,
    signal: (signal) => Effect.sync(() => void child.kill(signal))
  }
}

/** Starts a fleet, ready to call. It ends with the scope. */
export const start = (
  { authUrl, count, store, worker }: Options
): Effect.Effect<ReadonlyArray<Member>, never, Scope.Scope> =>
  Effect.replicateEffect(
    Effect.acquireRelease(
      Effect.sync(() =>
        fork(worker, [authUrl, store], { stdio: ["ignore", env["FLEET_LOG"] ? "inherit" : "ignore", "inherit", "ipc"] })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    ).pipe(
      Effect.flatMap((child) =>
        Effect.map(Effect.zip(Effect.succeed(memberOf(child)), next(child, "Ready")), ([it]) => it)
      )
    ),
    count,
    { concurrency: "unbounded" }
  )

/** What all of them got. */
export const total = (members: ReadonlyArray<Member>): Effect.Effect<{
  readonly failed: number
  readonly expired: number
  readonly skipped: number
  readonly tokens: ReadonlySet<string>
}> =>
  Effect.map(Effect.all(members.map(({ report }) => report), { concurrency: "unbounded" }), (reports) => ({
    failed: reports.flatMap(({ failures }) => Object.values(failures)).reduce((sum, n) => sum + n, 0),
    expired: reports.reduce((sum, { expired }) => sum + expired, 0),
    skipped: reports.reduce((sum, { skipped }) => sum + skipped, 0),
    tokens: new Set(reports.map(({ token }) => token))
  }))
