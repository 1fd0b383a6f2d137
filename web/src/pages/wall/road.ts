import { SocketTransport } from "../../core/socket";
import { Link } from "./link.svelte";
import type { Stage } from "./stage.svelte";

/** Takes the road to the server. */
export function depart(stage: Stage): Link {
  const link = new Link(new SocketTransport("/wall"), stage, __BUILD__);
  link.start();
  return link;
}
