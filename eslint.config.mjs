import effect from "@effect/eslint-plugin"
import ts from "typescript-eslint"

export default ts.config(
  {
    ignores: [
      "**/dist/",
      "**/node_modules/",
      "docs/.vitepress/cache/",
      "coverage/",
      "**/.stryker-tmp/",
      "examples/node/test/examples/"
    ]
  },
  ...ts.configs.strict,
  {
    plugins: { "@effect": effect },
    rules: {
      // The formatter: Effect's own settings.
      "@effect/dprint": ["error", {
        config: {
          indentWidth: 2,
          lineWidth: 120,
          semiColons: "asi",
          quoteStyle: "alwaysDouble",
          trailingCommas: "never",
          operatorPosition: "maintain",
          "arrowFunction.useParentheses": "force"
        }
      }],
      "@typescript-eslint/array-type": ["error", { default: "generic", readonly: "generic" }],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-import-type-side-effects": "off",
      "@typescript-eslint/no-namespace": "off",
      // A service that is one of platform's is an interface of its own, so that a hover shows its name.
      "@typescript-eslint/no-empty-object-type": ["error", { allowInterfaces: "with-single-extends" }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-console": "error"
    }
  },
  {
    files: [
      "packages/*/src/**/*.ts",
      "examples/*/src/**/*.ts",
      "bench/src/**/*.ts",
      "attack/src/**/*.ts",
      "fleet/src/**/*.ts"
    ],
    rules: { "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "never" }] }
  },
  {
    // Time, randomness, the network and the environment come from Effect's services.
    files: ["packages/core/src/**/*.ts"],
    rules: {
      "no-restricted-globals": ["error", "fetch", "setTimeout", "setInterval", "process", "performance", "crypto"],
      "no-restricted-properties": ["error", { object: "Date", property: "now" }, { object: "Math", property: "random" }]
    }
  },
  {
    // Effect has no cryptography of its own.
    files: ["packages/core/src/internal/sealedTokenStore/seal.ts"],
    rules: { "no-restricted-globals": ["error", "fetch", "setTimeout", "setInterval", "process", "performance"] }
  },
  {
    // Rules that ask for types. One program for all files takes half the time of one for each package
    // (`projectService`).
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { project: "tsconfig.lint.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-deprecated": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "max-len": ["error", { code: 10_000, comments: 120, ignoreUrls: true }]
    }
  },
  { files: ["scripts/**", "**/*.mjs"], rules: { "no-console": "off" } }
)
