declare module "simple-oauth2" {
  export class ClientCredentials {
    constructor(options: {
      readonly client: { readonly id: string; readonly secret: string }
      readonly auth: { readonly tokenHost: string; readonly tokenPath: string }
      readonly options?: { readonly authorizationMethod: "body" | "header" }
    })
    getToken(params: { readonly scope: string }): Promise<unknown>
  }
}
