import type { Component } from "svelte";
import type { Editor, EditorProps } from "./editor";

interface Module {
  default: Component<EditorProps<object>, Record<never, never>, "draft">;
  editor: Editor<object>;
}

const modules = import.meta.glob<Module>("./kinds/*.svelte", { eager: true });

/** One file for each kind that can be written here: `welcome` is kinds/Welcome.svelte. Kinds without one are shown by scenes. */
export const editors: readonly (Editor<object> & { kind: string; Form: Module["default"] })[] = Object.entries(modules)
  .map(([path, module]) => ({ ...module.editor, kind: (path.match(/(\w+)\.svelte$/)?.[1] ?? "").toLowerCase(), Form: module.default }))
  .sort((a, b) => a.order - b.order);
