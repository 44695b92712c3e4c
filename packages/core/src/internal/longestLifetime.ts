/** The longest lifetime of a token that is accepted: ten years, in seconds. */
export const longestLifetime = 10 * 365 * 24 * 60 * 60
