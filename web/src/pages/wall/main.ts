import { mount } from "svelte";
import "../../styles/base.css";
import type { Link } from "./link.svelte";
import { Stage } from "./stage.svelte";
import Wall from "./Wall.svelte";

const AGAIN_MS = 5000;

/** The page knows nothing but its pairing: the server tells which wall it is, and everything it shows. */
function start(): void {
  const stage = new Stage();
  // First what stood here before: the glass is never black because a server is slow. The road to the server has a script of its own.
  const linked = stage.restore().then(() => depart(stage));
  const target = document.getElementById("app");
  if (target) mount(Wall, { target, props: { stage, linked } });
}

/** Until it has come, however long that takes. */
async function depart(stage: Stage): Promise<Link> {
  for (;;) {
    try {
      return (await import("./road")).depart(stage);
    } catch {
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
}

// No menu under a finger or a stray mouse.
document.addEventListener("contextmenu", (event) => event.preventDefault());
void import("../panel/shell").then(({ keepShell }) => keepShell());
start();
