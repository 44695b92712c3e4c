/*
 * The two scripts that Redis runs, and what their replies mean. Each is one command on one key, so it takes effect as a
 * whole or not at all, also on a cluster. All times are milliseconds of Redis' own clock. They are sent whole, by EVAL:
 * a few commands for each token need no EVALSHA, which fails after each restart and each failover.
 */
import { longestText, type Outcome, type Row, type Sealed } from "@effect-tilia/core/StoreEngine"
import { lease } from "@effect-tilia/core/TokenStore"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** A script, and its arguments without the key. */
export interface Call {
  readonly script: string
  readonly args: ReadonlyArray<string | number>
}

const leaseMillis = Duration.toMillis(lease)

/** A row whose texts are not needed for longer is kept for this long, so that its lock and generation last. */
const shortestKept = Duration.toMillis("1 minute")

/** PEXPIRE refuses a time that does not fit. No token lives so long. */
const longestKept = Duration.toMillis("36500 days")

const now = "local time = redis.call('TIME')\nlocal now = time[1] * 1000 + math.floor(time[2] / 1000)"

/** A row is never kept for less than what is left for the other texts in it. */
const keep = (millis: string) =>
  `redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), tonumber(${millis})))`

/*
 * ARGV: the lease, or 0 to read only; how long the row is kept. A key of another type is replaced by the lock, as is a
 * generation that is more than a day ahead: neither is ours (T2). A lock that ends later than a lease from now is of a
 * clock that was set back, and counts as free. A comparison with a number that is NaN is false, so each of them is
 * written such that false means rubbish. In place of a value that is too long to be ours comes an empty one.
 * Generations are written as whole numbers: `tostring` keeps only 14 digits.
 */
const look = `
${now}
local lease = tonumber(ARGV[1])
local found = redis.pcall('HSTRLEN', KEYS[1], 'generation')
if type(found) == 'table' then
  if lease == 0 or not string.find(found.err, 'WRONGTYPE', 1, true) then return found end
  redis.call('DEL', KEYS[1])
end
local function field(name)
  if redis.call('HSTRLEN', KEYS[1], name) > ${longestText} then return '' end
  return redis.call('HGET', KEYS[1], name)
end
local remaining, generation = 0, 0
if lease > 0 then
  remaining = (tonumber(field('lockedUntil')) or 0) - now
  if not (remaining > 0 and remaining <= lease) then
    remaining = 0
    local last = tonumber(field('generation'))
    if not (last and last <= now + 86400000) then last = 0 end
    generation = math.max(math.floor(last) + 1, now)
    redis.call('HSET', KEYS[1],
      'generation', string.format('%.0f', generation), 'lockedUntil', string.format('%.0f', now + lease))
    ${keep("ARGV[2]")}
  end
end
return { now, remaining, generation,
  field('token'), field('tokenGeneration'), field('failure'), field('failureGeneration') }
`

/*
 * ARGV: the generation, what to do, the text, how long it is kept, the channel, the name. Once another lock was given,
 * nothing is written (T3). A renewal of a lock that was given up locks nothing.
 */
const settle = `
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[1] then return 0 end
local what = ARGV[2]
if what == 'renew' then
  if redis.call('HEXISTS', KEYS[1], 'lockedUntil') == 0 then return 0 end
  ${now.replace("\n", "\n  ")}
  redis.call('HSET', KEYS[1], 'lockedUntil', string.format('%.0f', now + tonumber(ARGV[3])))
else
  if what == 'token' then redis.call('HDEL', KEYS[1], 'failure', 'failureGeneration') end
  if what ~= 'nothing' then redis.call('HSET', KEYS[1], what, ARGV[3], what .. 'Generation', ARGV[1]) end
  redis.call('HDEL', KEYS[1], 'lockedUntil')
  redis.call('PUBLISH', ARGV[5], ARGV[6])
end
${keep("ARGV[4]")}
return 1
`

/**
 * Changes nothing, and fails where nothing can be written, as on a replica. `pcall`, because an error of `call` begins
 * with another code in Redis 6. KEYS[1] may be a key of the application if the prefix is empty.
 */
export const greeting = `
local reply = redis.pcall('HDEL', KEYS[1], 'effect-tilia')
if type(reply) == 'table' and reply.err and not string.find(reply.err, 'WRONGTYPE', 1, true) then return reply end
return 1
`

export const read: Call = { script: look, args: [0, 0] }

export const lock: Call = { script: look, args: [leaseMillis, shortestKept] }

const kept = (keepFor: Duration.Duration): number =>
  Math.min(Math.max(Math.ceil(Duration.toMillis(keepFor)), shortestKept), longestKept)

const written = (outcome: Outcome): ReadonlyArray<string | number> => {
  switch (outcome._tag) {
    case "Granted":
      return ["token", outcome.text, kept(outcome.keepFor)]
    case "Failed":
      return ["failure", outcome.text, kept(outcome.keepFor)]
    case "Abandoned":
      return ["nothing", "", shortestKept]
  }
}

export const settled = (generation: number, outcome: Outcome, channel: string, name: string): Call => ({
  script: settle,
  args: [generation, ...written(outcome), channel, name]
})

export const renewed = (generation: number): Call => ({
  script: settle,
  args: [generation, "renew", leaseMillis, shortestKept]
})

/** A client may be set to yield numbers as texts. */
const Count = Schema.Union(Schema.NonNegativeInt, Schema.compose(Schema.NumberFromString, Schema.NonNegativeInt))

const Text = Schema.NullOr(Schema.String)

const Reply = Schema.Tuple(Count, Count, Count, Text, Text, Text, Text)

/** What `look` yields. */
export interface Look {
  /** For how long another process holds the lock, in milliseconds; 0 if none does, or if the lock was not asked for. */
  readonly remaining: number
  /** The generation of the lock that was taken; 0 if none was. */
  readonly generation: number
  /** What the row holds, without what is not of this store. */
  readonly row: Row
  /** Whether anything was left out of `row`. */
  readonly isUnreadable: boolean
}

const sealed = (text: string | null, generation: string | null): Option.Option<Sealed> =>
  Option.all({
    text: Option.filter(Option.fromNullable(text), (text) => text !== ""),
    generation: Schema.decodeUnknownOption(Count)(generation)
  })

/** What the reply of `look` means; none if it is not one. */
export const decode = (reply: unknown): Option.Option<Look> =>
  Option.map(
    Schema.decodeUnknownOption(Reply)(reply),
    ([now, remaining, generation, tokenText, tokenGeneration, failureText, failureGeneration]) => {
      const token = sealed(tokenText, tokenGeneration)
      const failure = sealed(failureText, failureGeneration)
      const isUnreadable = Option.isSome(token) !== (tokenText !== null) ||
        Option.isSome(failure) !== (failureText !== null)
      return { remaining, generation, row: { now, token, failure }, isUnreadable }
    }
  )
