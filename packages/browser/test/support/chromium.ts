/*
 * The Chromium of this machine. Nothing is downloaded: the package of Debian works, and so does every Chrome or
 * Chromium since 2023.
 */
import { env } from "node:process"
import { isExecutable, placesOf } from "../../../../test/programs.js"

/** Browsers as people use them. */
const whole = [
  ...(env["CHROME_BIN"] === undefined ? [] : [env["CHROME_BIN"]]),
  ...placesOf("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium"
]

/** The engine without a window takes half of the time. It has no back-forward cache. */
const quick = env["CHROME_BIN"] === undefined ? placesOf("chromium-headless-shell") : []

/** What to do if there is no Chromium. */
export const advice = "no Chromium found: apt-get install chromium, or name a Chrome in CHROME_BIN"

const launched = (candidates: ReadonlyArray<string>) => {
  const executablePath = candidates.find(isExecutable)
  if (executablePath !== undefined) return { executablePath, args: ["--headless", "--no-sandbox", "--disable-gpu"] }
  if (env["CI"] !== undefined) throw new Error(advice)
  return undefined
}

/**
 * The launch options for Playwright; `undefined` without a Chromium. In CI that is an error, so that no test is
 * skipped.
 */
export const launch = () => launched([...quick, ...whole])

/** The same for a browser with a back-forward cache, which Playwright would switch off. */
export const launchWhole = () => {
  const options = launched(whole)
  return options && { ...options, ignoreDefaultArgs: ["--disable-back-forward-cache"] }
}
