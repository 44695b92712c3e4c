/*
 * What undici needs of each request, behind everything that a program makes of it.
 */
import * as Undici from "@effect/platform-node/Undici"

/** The same form as a `FormData` of undici, which refuses that of Node: Node has an undici of its own. */
const toUndici = (form: FormData): Undici.FormData => {
  const copy = new Undici.FormData()
  for (const [name, value] of form) {
    if (typeof value === "string") copy.append(name, value)
    else copy.append(name, value, value.name)
  }
  return copy
}

/** Sends through another dispatcher, which may be any object that has `dispatch`. */
export class PreparedDispatcher extends Undici.Dispatcher {
  readonly #inner: Pick<Undici.Dispatcher, "dispatch">

  constructor(inner: Pick<Undici.Dispatcher, "dispatch">) {
    super()
    this.#inner = inner
  }

  override dispatch(
    options: Undici.Dispatcher.DispatchOptions,
    handler: Undici.Dispatcher.DispatchHandler
  ): boolean {
    return this.#inner.dispatch({
      ...options,
      path: options.path.replace(/#.*/s, ""), // undici would send the fragment of the URL too (N10)
      // A copy: undici's ProxyAgent writes the name of the server into the headers that it is given. Those of a request
      // without headers belong to the whole process, so each later request would carry that `Host` (N9).
      headers: { ...options.headers },
      ...(options.body instanceof FormData && { body: toUndici(options.body) })
    }, handler)
  }
}
