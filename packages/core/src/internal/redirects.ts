/*
 * No redirect is followed with a secret or a token: the next server would get it (E3, A4).
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Turns redirects off in fetch, and keeps the other settings: those of `defaults`, or of the call. The other clients
 * follow none by themselves.
 */
export const refused = <R>(
  context: Context.Context<R>,
  defaults: Partial<RequestInit> = {}
): Context.Context<R | FetchHttpClient.RequestInit> =>
  Context.add(context, FetchHttpClient.RequestInit, {
    ...defaults,
    ...Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit)),
    redirect: "manual"
  })

/** The same for every call of a client. */
export const withoutRedirects = <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E, R> =>
  HttpClient.transformResponse(client, Effect.mapInputContext((context: Context.Context<R>) => refused(context)))
