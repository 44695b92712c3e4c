/**
 * A `TokenStore` over a `StoreEngine`: one token for all processes of a fleet. What the engine gets to see is names and
 * texts that only those who have the client secret can read, or write.
 *
 * `Tilia.layer` and `NodeTilia.layer` make it by themselves if there is a `StoreEngine` in their context. It is for
 * those who put the services together by hand.
 *
 * @example
 * import { ClientCredentials, Environment, SealedTokenStore } from "@effect-tilia/core"
 * import { StoreEngine, TokenEndpoint, TokenSources } from "@effect-tilia/core"
 * import { Layer } from "effect"
 *
 * // Several sources that share their tokens with those of other processes.
 * const Sources = TokenSources.layer().pipe(
 *   Layer.provide([TokenEndpoint.layer(), SealedTokenStore.layer]),
 *   Layer.provide([ClientCredentials.layerConfig(), Environment.layerConfig(), StoreEngine.layerMemory])
 * )
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { ClientCredentials, type Credentials } from "./ClientCredentials.js"
import { Environment } from "./Environment.js"
import * as Instant from "./Instant.js"
import { lifetime } from "./internal/accessToken.js"
import { isSame } from "./internal/credentials.js"
import { detached } from "./internal/detached.js"
import * as Fibers from "./internal/fibers.js"
import * as Content from "./internal/sealedTokenStore/content.js"
import * as Seal from "./internal/sealedTokenStore/seal.js"
import type * as Scopes from "./Scopes.js"
import * as StoreEngine from "./StoreEngine.js"
import { Acquired, type Entry, Held, type Lock, type Outcome, StoreError, TokenStore } from "./TokenStore.js"

/** Some credentials, and what opens their entries. */
interface Keyring {
  readonly credentials: Credentials
  readonly keys: Seal.Keys
}

/** Where the token for some scopes is kept. */
interface Address extends Keyring {
  readonly name: string
}

const nothing: Entry = { token: Option.none(), failure: Option.none() }

/** How long a new store waits for the credentials. Reading them goes on in the background. */
const patience: Duration.DurationInput = "1 second"

/** A text that does not open, or that holds nothing of ours, was planted or is damaged. */
const open = <A>(
  { keys, name }: Address,
  kind: Seal.Place["kind"],
  { generation, text }: StoreEngine.Sealed,
  decode: (text: string) => Either.Either<A, unknown>
): Effect.Effect<A & { readonly generation: number }, StoreError> =>
  Seal.unseal(keys, { name, kind, generation }, text).pipe(
    Effect.flatMap(decode),
    Effect.mapBoth({
      onFailure: () => new StoreError({ reason: "Unreadable" }),
      onSuccess: (content) => ({ ...content, generation })
    })
  )

/**
 * A store for the client and the environment in the context. Its entries are named by the credentials that the
 * `TokenEndpoint` has used last, so both need the same `ClientCredentials`. Making it reads the credentials, and waits
 * for them for a second at most.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<
  TokenStore,
  never,
  ClientCredentials | Environment | Scope.Scope | StoreEngine.StoreEngine
> = Effect.gen(function*() {
  const engine = yield* StoreEngine.StoreEngine
  const { tokenUrl } = yield* Environment
  const { current, last } = yield* ClientCredentials
  const run = yield* Fibers.make
  const known = yield* SubscriptionRef.make(Option.none<Keyring>())

  /** Credentials that cannot be read do not matter, once there were some (T5). */
  const keyring = Effect.gen(function*() {
    const credentials = yield* Effect.mapError(last, () => new StoreError({ reason: "Unavailable" }))
    const before = yield* known
    if (Option.isSome(before) && isSame(before.value.credentials, credentials)) return before.value
    const next = { credentials, keys: yield* Seal.keysOf(credentials) }
    yield* SubscriptionRef.set(known, Option.some(next))
    return next
  })

  const addressIn = (scopes: Scopes.Scopes) => ({ credentials, keys }: Keyring): Effect.Effect<Address> =>
    Effect.map(
      Seal.nameOf(keys, { tokenUrl, clientId: credentials.clientId, scopes }),
      (name) => ({ credentials, keys, name })
    )

  const entryOf = Effect.fnUntraced(function*(row: StoreEngine.Row, address: Address, reading: Content.Reading) {
    const { answered } = reading
    const token = yield* Effect.transposeMapOption(
      row.token,
      (sealed) => open(address, "token", sealed, (text) => Content.toToken(text, reading, answered))
    )
    const failure = yield* Effect.transposeMapOption(
      row.failure,
      (sealed) => open(address, "failure", sealed, (text) => Content.toFailure(text, reading, answered))
    )
    // Whoever requested it had newer credentials. With them, this process has the same name for its entries again (T5).
    if (Option.exists(token, ({ isOfNewCredentials }) => isOfNewCredentials)) run(Effect.ignore(detached(current)))
    return { token, failure }
  })

  /** Asks the engine about these scopes, and notes when. */
  const ask = <A>(
    scopes: Scopes.Scopes,
    command: (name: string) => Effect.Effect<A, StoreError>
  ) =>
    Effect.gen(function*() {
      const address = yield* Effect.flatMap(keyring, addressIn(scopes))
      const asked = yield* Instant.now
      const answer = yield* command(address.name)
      const answered = yield* Instant.now
      const readingOf = ({ now }: StoreEngine.Row): Content.Reading => ({ engine: now, asked, answered })
      return { address, answer, readingOf }
    })

  const makeLock = (address: Address, generation: number, reading: Content.Reading): Lock => {
    const { name } = address
    const seal = (kind: Seal.Place["kind"], text: string) =>
      Effect.flatMap(Seal.newNonce, (nonce) => Seal.seal(address.keys, { name, kind, generation }, nonce, text))

    const toEngine = Effect.fnUntraced(function*(outcome: Outcome) {
      const now = yield* Instant.now
      switch (outcome._tag) {
        case "Granted": {
          const isOfNewCredentials = Option.exists(
            yield* Effect.option(last),
            (credentials) => !isSame(credentials, address.credentials)
          )
          const text = yield* seal("token", Content.fromToken(outcome.token, isOfNewCredentials, reading, now))
          return StoreEngine.Granted({ text, keepFor: Duration.millis(lifetime(outcome.token)) })
        }
        case "Failed": {
          const text = yield* seal("failure", Content.fromFailure(outcome.failure, reading, now))
          return StoreEngine.Failed({ text, keepFor: outcome.failure.remaining })
        }
        case "Abandoned":
          return StoreEngine.Abandoned()
      }
    })

    return {
      generation,
      settle: (outcome) => Effect.flatMap(toEngine(outcome), (outcome) => engine.settle(name, generation, outcome)),
      renew: engine.renew(name, generation)
    }
  }

  const reading = run(Effect.ignore(detached(keyring)))
  yield* Effect.interruptible(Effect.timeoutOption(Fiber.await(reading), patience))

  return {
    read: (scopes) =>
      Effect.flatMap(
        ask(scopes, engine.read),
        ({ address, answer, readingOf }) => entryOf(answer, address, readingOf(answer))
      ),
    lock: Effect.fnUntraced(function*(scopes) {
      const { address, answer, readingOf } = yield* ask(scopes, engine.lock)
      if (answer._tag === "Held") return Held(answer)
      const reading = readingOf(answer.row)
      const entry = yield* Effect.orElseSucceed(entryOf(answer.row, address, reading), () => nothing)
      return Acquired({ lock: makeLock(address, answer.generation, reading), entry })
    }),
    changes: (scopes) =>
      known.changes.pipe(
        Stream.filterMapEffect(Option.map(addressIn(scopes))),
        Stream.flatMap(({ name }) => engine.changes(name), { switch: true }),
        Stream.as("Settled")
      )
  }
})

/**
 * The store as a Layer: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  TokenStore,
  never,
  ClientCredentials | Environment | StoreEngine.StoreEngine
> = Layer.scoped(TokenStore, make)
