import svelte from "eslint-plugin-svelte";
import typescript from "typescript-eslint";

export default typescript.config(
  { ignores: ["node_modules", "src/protocol/messages.ts"] },
  ...typescript.configs.strict,
  ...svelte.configs.recommended,
  { files: ["**/*.svelte", "**/*.svelte.ts"], languageOptions: { parserOptions: { parser: typescript.parser } } },
  {
    rules: {
      "no-console": "error",
      // `== null` means both: a patch may take a field away.
      eqeqeq: ["error", "always", { null: "ignore" }],
      // A page shows what strangers typed: never as markup.
      "svelte/no-at-html-tags": "error",
      "svelte/require-each-key": "error",
      // Sets and maps here are rebuilt, never mutated in place.
      "svelte/prefer-svelte-reactivity": "off",
      "svelte/no-navigation-without-resolve": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  // The core knows no framework and no document.
  {
    files: ["src/core/**"],
    rules: {
      "no-restricted-imports": ["error", { patterns: ["svelte", "svelte/*", "../ui/*", "../pages/*"] }],
      "no-restricted-globals": ["error", "document", "window", "navigator", "localStorage", "sessionStorage", "location"],
    },
  },
  { files: ["scripts/**"], rules: { "no-console": "off" } },
);
