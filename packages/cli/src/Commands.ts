/*
 * What the commands are called and what they take: one table, from which the arguments are read and the help is made.
 * It is plain data, and needs nothing of Effect: `tilia --version` and the help load no more than this (L2, P10).
 */

export interface Flag {
  /** What stands for the value in the help, as `a,b`. A flag without it takes no value. */
  readonly value?: string
  /** The value of a flag that is not given. */
  readonly default?: string
  /** What happens without the flag, where that is not a value. */
  readonly otherwise?: string
  /** The only values that are accepted. */
  readonly choices?: ReadonlyArray<string>
  /** Whether the flag can be given more than once. */
  readonly isRepeatable?: boolean
  readonly text: string
}

export interface Command {
  readonly summary: string
  /** The arguments that are no flags, as `METHOD`. All of them are needed. */
  readonly operands: ReadonlyArray<string>
  /** Whether a command to run follows after `--`. */
  readonly child: "none" | "optional" | "required"
  readonly flags: Readonly<Record<string, Flag>>
  /** Commands, and what each of them does. */
  readonly examples: ReadonlyArray<readonly [command: string, meaning: string]>
  /** What else a user should know, one paragraph each. */
  readonly notes: ReadonlyArray<string>
}

const scopes: Flag = { value: "a,b", otherwise: "TILIA_SCOPES", text: "the scopes to request" }

const timeout: Flag = { value: "30s", default: "30s", text: "the time for all attempts together, as 500ms, 5s or 2m" }

const verbose: Flag = { text: "say on standard error what is done; on a terminal, failed attempts are shown anyway" }

const settings =
  "The settings come from the environment: TILIA_CLIENT_ID, TILIA_CLIENT_SECRET or TILIA_CLIENT_SECRET_FILE, " +
  "TILIA_SCOPES, and TILIA_ENVIRONMENT (production or staging) or TILIA_AUTH_URL. No flag takes a secret."

const likeAShell =
  "The exit status is that of the command, or 128 and the number of the signal that ended it; 127 if there is no such " +
  "command, 126 if it cannot be run. SIGINT, SIGTERM and SIGHUP are passed on to it."

const token: Command = {
  summary: "Request a token and print it",
  operands: [],
  child: "none",
  flags: {
    scopes,
    timeout,
    format: {
      value: "raw",
      default: "raw",
      choices: ["raw", "json", "header"],
      text: "raw: the token alone; json: with its lifetime and scopes; header: a line for curl -H @-"
    },
    verbose
  },
  examples: [
    ["tilia token", "requests the scopes of TILIA_SCOPES"],
    ["tilia token --scopes user_info,write_invoices", "requests these scopes instead"],
    ["tilia token --format header | curl -H @- https://…", "calls an API; no process shows the token in its arguments"]
  ],
  notes: [settings]
}

const inspect: Command = {
  summary: "Show the header and the claims of a token, and verify it",
  operands: [],
  child: "none",
  flags: {
    jwks: {
      value: "URL|file",
      otherwise: "nothing is verified",
      text: "verify the token with the public keys at this URL, or in this file"
    },
    format: { value: "table", default: "table", choices: ["table", "json"], text: "table: to read; json: for scripts" }
  },
  examples: [
    ["tilia token | tilia inspect", "shows what the token contains"],
    ["tilia inspect --jwks https://…/jwks.json < token.txt", "verifies the signature and the lifetime, too"]
  ],
  notes: [
    "The token comes from standard input, in any format of tilia token. It is never printed.",
    "With --jwks the exit status is 3 if the token is not valid, or its signature does not fit."
  ]
}

const doctor: Command = {
  summary: "Check everything that a token and a call need",
  operands: [],
  child: "none",
  flags: {
    scopes,
    timeout: { ...timeout, value: "10s", default: "10s", text: "the time for each step" },
    json: { text: "print one JSON object" }
  },
  examples: [
    ["tilia doctor", "prints one line for each check, and what to do where one fails"],
    ["tilia doctor --json", "prints the same for a script"]
  ],
  notes: [
    "It checks the settings, the proxy, DNS, TLS, whether the server responds, the clock against that of the server, " +
    "the credentials, the granted scopes, and whether the API origins respond. It requests one token and prints no " +
    "secret and no token. The API origins do not receive it.",
    "The exit status is that of the first check that failed, as tilia token would have it.",
    settings
  ]
}

const exec: Command = {
  summary: "Run a command with a new token in its environment",
  operands: [],
  child: "required",
  flags: { scopes, timeout, verbose },
  examples: [
    ["tilia exec -- ./import.sh", "runs it with TILIA_ACCESS_TOKEN"],
    ["tilia exec --scopes user_info -- node report.js", "requests this scope for it"]
  ],
  notes: [
    "The command gets TILIA_ACCESS_TOKEN, and neither TILIA_CLIENT_SECRET nor TILIA_CLIENT_SECRET_FILE. The token is " +
    "not renewed while the command runs: it should take less time than the token is valid, which is an hour or so.",
    likeAShell,
    settings
  ]
}

const request: Command = {
  summary: "Call an API with a token, and print the response",
  operands: ["METHOD", "URL"],
  child: "none",
  flags: {
    data: {
      value: "text|@file|-",
      otherwise: "no body",
      text: "the body: a text, the content of a file, or standard input"
    },
    header: {
      value: "\"Name: value\"",
      isRepeatable: true,
      text: "a header of the request; with --data, Content-Type is application/json unless it is given"
    },
    scopes,
    timeout: { ...timeout, text: "the time until the response begins, the request for the token included" },
    verbose
  },
  examples: [
    ["tilia request GET https://invoicing.staging.tilia-inc.com/v2/invoice/1", "prints the body of the response"],
    ["tilia request POST https://… --data @invoice.json", "sends a file"],
    ["jq … | tilia request PUT https://… --data - --verbose", "sends standard input, and shows the status"]
  ],
  notes: [
    "Only the API origins of the environment receive the token (those of TILIA_API_ORIGINS, with TILIA_AUTH_URL). For " +
    "any other URL the exit status is 2, and nothing is sent. Redirects are not followed.",
    "The exit status is 0 for a 2xx; 4 for 408, 425, 429 and 5xx (but 3 for 501 and 505); and 3 for any other status. " +
    "The body is printed in any case.",
    settings
  ]
}

const sandbox: Command = {
  summary: "Run a local authorization server, to try things without an account",
  operands: [],
  child: "optional",
  flags: {
    port: { value: "4010", default: "0", text: "the port to listen on; 0 takes a free one" },
    scopes: { value: "a,b", otherwise: "all known scopes", text: "the scopes that the client may request" },
    lifetime: { value: "1h", default: "1h", text: "how long a token is valid, in whole seconds" },
    faults: {
      value: "503,ok",
      otherwise: "none",
      text: "what happens to the next token requests, one for each: ok, 503, 429:60 (with Retry-After), delay:2s, " +
        "hang, reset, truncate, revoked"
    },
    repeat: { text: "start the faults again after the last one" },
    verbose: { text: "with a command: print a line for each request on standard error" }
  },
  examples: [
    ["tilia sandbox", "prints its settings, and then one line for each request, until Ctrl-C"],
    ["tilia sandbox --lifetime 5s --faults 503,429:2,ok --repeat", "issues short tokens, and fails now and then"],
    ["tilia sandbox -- npm test", "starts the sandbox, runs the command with its settings, and stops it"]
  ],
  notes: [
    "Only this machine can reach it.",
    `With a command: the settings TILIA_* are those of the sandbox. ${likeAShell}`
  ]
}

/** The commands, in the order in which the help lists them. */
export const commands = { token, inspect, doctor, exec, request, sandbox } as const

export type Name = keyof typeof commands

export const isName = (text: string): text is Name => Object.hasOwn(commands, text)

/** Of every command and of `tilia` alone, in the same words. */
export const exitStatuses: ReadonlyArray<readonly [status: number, meaning: string]> = [
  [0, "the command succeeded"],
  [1, "the output cannot be written, or tilia has a bug"],
  [2, "the input or the configuration is wrong; nothing was sent"],
  [3, "the server refused; trying again does not help"],
  [4, "the server is unavailable; try again later"],
  [130, "the command was interrupted"]
]
