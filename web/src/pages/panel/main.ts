import { mount } from "svelte";
import "../../styles/base.css";
import "../../styles/sheet.css";
import { Api } from "../../core/api";
import { SocketTransport } from "../../core/socket";
import Panel from "./Panel.svelte";
import { screen } from "./screen.svelte";
import { Session } from "./session.svelte";
import { keepShell } from "./shell";

/** The address names the room (`/panel/<room>`); without it, the first this tablet may see. */
async function start(): Promise<void> {
  const api = new Api();
  const [me, rooms] = await Promise.all([api.me(), api.rooms()]);
  if ("ok" in me && me.ok.kind === "nobody") {
    location.replace(me.ok.set_up_needed ? "/setup" : `/login?next=${encodeURIComponent(location.pathname)}`);
    return;
  }
  const asked = /^\/panel\/([^/]+)$/.exec(location.pathname)?.[1];
  const room = asked ?? ("ok" in rooms ? rooms.ok[0]?.id : undefined) ?? remembered();
  if (room) remember(room);
  const session = new Session(new SocketTransport("/room"), room ?? "-", __BUILD__);
  if ("ok" in me) session.me = me.ok;
  const target = document.getElementById("app");
  if (target) mount(Panel, { target, props: { session } });
  screen.start();
  session.start();
}

const ROOM = "smartroom.room";

function remembered(): string | undefined {
  return localStorage.getItem(ROOM) ?? undefined;
}

function remember(room: string): void {
  localStorage.setItem(ROOM, room);
}

keepShell();
void start();
