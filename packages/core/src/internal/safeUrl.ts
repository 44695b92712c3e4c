/*
 * Which URLs a secret or a token may be sent to. It is apart from the schemas of `origin.ts`, so that a page does not
 * load them.
 */

/** The URL, if the text is one. `URL.canParse` is not in every browser that is supported (B2). */
export const parse = (text: string, base?: string): URL | undefined => {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** HTTPS, or plain HTTP that cannot leave this machine, and no user info. */
export const isSafe = ({ hostname, password, protocol, username }: URL): boolean =>
  (protocol === "https:" || (protocol === "http:" && loopback.test(hostname))) && username === "" && password === ""
