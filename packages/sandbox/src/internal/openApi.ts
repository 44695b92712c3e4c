/*
 * The OpenAPI description of `POST /token`, as the vendor's page describes it (X1, X2).
 */

const text = (description: string, more: object = {}) => ({ type: "string", description, ...more })
const texts = { type: "array", items: { type: "string" } }
const object = (properties: Readonly<Record<string, object>>) => ({
  type: "object",
  required: Object.keys(properties),
  properties
})

const scope = text("Scopes, separated by commas", { examples: ["write_registrations,write_user_tokens,user_info"] })

const failures = {
  400: "The request is malformed, or (invalid_scope) the client may not request all of its scopes",
  401: "The client is unknown, or its secret is wrong",
  405: "The method is not POST",
  413: "The body is larger than 64 KiB",
  415: "The body is not a form",
  500: "The service is unavailable, or it failed"
}

const failure = (description: string) => ({
  description,
  content: { "application/json": { schema: { $ref: "#/components/schemas/Failure" } } }
})

export const description = {
  openapi: "3.1.0",
  info: { title: "Request access token", version: "1" },
  paths: {
    "/token": {
      post: {
        operationId: "requestAccessToken",
        requestBody: {
          required: true,
          content: { "application/x-www-form-urlencoded": { schema: { $ref: "#/components/schemas/TokenRequest" } } }
        },
        responses: {
          200: {
            description: "Success",
            content: { "application/json": { schema: { $ref: "#/components/schemas/TokenResponse" } } }
          },
          ...Object.fromEntries(Object.entries(failures).map(([status, text]) => [status, failure(text)]))
        }
      }
    }
  },
  components: {
    schemas: {
      TokenRequest: object({
        client_id: text("The client's id, a UUID version 4", { format: "uuid" }),
        client_secret: text("The client's secret, a UUID version 4", { format: "uuid", writeOnly: true }),
        grant_type: { const: "client_credentials" },
        scope
      }),
      TokenResponse: object({
        access_token: text("A JWT, signed with RS512"),
        token_type: { const: "Bearer" },
        expires_in: text("The token's lifetime in seconds", { pattern: "^[0-9]+$" }),
        scope
      }),
      Failure: object({
        status: { const: "Failure" },
        message: texts,
        codes: texts,
        payload: object({ errors: { type: "object", additionalProperties: texts } })
      })
    }
  }
}
