import { vitePreprocess } from "@sveltejs/vite-plugin-svelte";

/** TypeScript inside components; nothing else is added to the language. */
export default { preprocess: vitePreprocess({ script: false }) };
