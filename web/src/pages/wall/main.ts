import { mount } from "svelte";
import "../../styles/base.css";
import { SocketTransport } from "../../core/socket";
import { Link } from "./link.svelte";
import { Stage } from "./stage.svelte";
import Wall from "./Wall.svelte";

/** The page knows nothing but its pairing: the server tells which wall it is, and everything it shows. */
async function start(): Promise<void> {
  const stage = new Stage();
  const link = new Link(new SocketTransport("/wall"), stage, __BUILD__);
  const target = document.getElementById("app");
  if (target) mount(Wall, { target, props: { stage, link } });
  // First what stood here before: the glass is never black because a server is slow.
  await stage.restore();
  link.start();
}

// No menu under a finger or a stray mouse.
document.addEventListener("contextmenu", (event) => event.preventDefault());
void import("../panel/shell").then(({ keepShell }) => keepShell());
void start();
