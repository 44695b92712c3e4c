/*
 * What readers ask, what they would search for, and the page that answers it.
 */
export interface Question {
  readonly question: string
  readonly search: string
  readonly answer: string
}

export const answers: ReadonlyArray<Question> = [
  { question: "How do I get a first token without an account?", search: "five minutes", answer: "/start" },
  { question: "Which environment variables are there?", search: "TILIA_CLIENT_SECRET_FILE", answer: "/configuration" },
  { question: "How do I call the API with the token?", search: "call the API", answer: "/calls" },
  { question: "Which requests are repeated after a 401?", search: "repeat 401 idempotency key", answer: "/calls" },
  { question: "When is the token renewed?", search: "keeping a token fresh", answer: "/refresh" },
  { question: "What happens in an outage?", search: "outage cool-down", answer: "/explanations/refresh" },
  { question: "How do I use it in serverless functions?", search: "serverless", answer: "/guides/serverless" },
  { question: "How do I serve several tenants?", search: "several tenants", answer: "/guides/tenants" },
  { question: "How do I rotate the client secret?", search: "rotate secret", answer: "/guides/rotate-secret" },
  { question: "How do I read the secret from a vault?", search: "vault", answer: "/token" },
  { question: "How do many processes share one token?", search: "fleet Redis", answer: "/sharing" },
  { question: "Can I use PostgreSQL in place of Redis?", search: "PostgreSQL", answer: "/sharing" },
  {
    question: "How does a web page use the API without the secret?",
    search: "web pages secret stays on the server",
    answer: "/mediator"
  },
  { question: "Do all tabs share one token?", search: "tabs share one token", answer: "/browser" },
  { question: "How do I test my code without a network?", search: "TestTokenSource", answer: "/testing" },
  { question: "How do I make the server fail in a test?", search: "sandbox faults", answer: "/sandbox" },
  { question: "How do I test my own HTTP client?", search: "adapterContract", answer: "/testing" },
  {
    question: "What does InvalidClientError mean?",
    search: "InvalidClientError",
    answer: "/errors/InvalidClientError"
  },
  {
    question: "What does ForbiddenOriginError mean?",
    search: "ForbiddenOriginError",
    answer: "/errors/ForbiddenOriginError"
  },
  { question: "Which metrics are there?", search: "tilia_token_expiry_timestamp_seconds", answer: "/observability" },
  { question: "Which alerts should I have?", search: "alerts", answer: "/observability" },
  { question: "How do I use a proxy?", search: "HTTPS_PROXY", answer: "/configuration" },
  { question: "What is wrong with my settings?", search: "tilia doctor", answer: "/cli" },
  { question: "What should I check before production?", search: "before production", answer: "/guides/deploy" },
  { question: "How do I move from simple-oauth2?", search: "simple-oauth2", answer: "/guides/migrate" },
  {
    question: "What does the library protect the secret from?",
    search: "threat model",
    answer: "/explanations/threat-model"
  },
  { question: "Where does the API differ from RFC 6749?", search: "RFC 6749", answer: "/explanations/deviations" },
  { question: "How fast is it?", search: "performance", answer: "/performance" },
  { question: "How do I install it?", search: "how to install", answer: "/start" },
  { question: "What is its license?", search: "license", answer: "/start" },
  { question: "Where do I set the scopes?", search: "TILIA_SCOPES", answer: "/configuration" },
  { question: "Where do the log lines go?", search: "logging", answer: "/observability" },
  { question: "How do I run it in Kubernetes?", search: "kubernetes", answer: "/guides/deploy" },
  { question: "How do I run it on AWS Lambda?", search: "aws lambda", answer: "/guides/serverless" },
  { question: "Which time limits are there?", search: "timeout", answer: "/token" },
  { question: "What are the options of NodeTilia.layer?", search: "NodeTilia.layer", answer: "/configuration" },
  { question: "What are the options of a TokenSource?", search: "core/TokenSource", answer: "/api/core/TokenSource" }
]
