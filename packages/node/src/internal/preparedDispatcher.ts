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

/** undici's error of a malformed response holds what the server has sent, which may be the bearer that it got (A6). */
const dropData = (error: Error): void => {
  if (error instanceof Undici.errors.HTTPParserError) Reflect.deleteProperty(error, "data")
}

const withoutData = (handler: Undici.Dispatcher.DispatchHandler): Undici.Dispatcher.DispatchHandler => {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- undici's own handlers have no other one
  const { onError } = handler
  if (onError === undefined) return handler
  return Object.assign(handler, {
    onError: (error: Error) => {
      dropData(error)
      onError.call(handler, error)
    }
  })
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
    }, withoutData(handler))
  }
}
