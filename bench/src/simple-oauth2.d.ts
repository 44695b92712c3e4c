declare module "simple-oauth2" {
  export interface AccessToken {
    readonly token: { readonly access_token: string }
    expired(): boolean
  }
  export class ClientCredentials {
    constructor(options: {
      readonly client: { readonly id: string; readonly secret: string }
      readonly auth: { readonly tokenHost: string; readonly tokenPath: string }
      readonly options?: { readonly authorizationMethod: "body" | "header" }
    })
    getToken(params: { readonly scope: string }): Promise<unknown>
    createToken(token: { readonly access_token: string; readonly expires_at: number }): AccessToken
  }
}
