import { mount } from "svelte";
import "../../styles/base.css";
import "../../styles/sheet.css";
import { Api } from "../../core/api";
import { SocketTransport } from "../../core/socket";
import { prefetch } from "../../ui/lazy.svelte";
import Panel from "./Panel.svelte";
import { screen } from "../../ui/screen.svelte";
import { Session } from "./session.svelte";
import { sheets } from "./sheets";
import { keepShell } from "./shell";

const ROOM = "smartroom.room";

/** A server that does not answer in this time must not keep the page blank. */
const PATIENCE_MS = 2500;

const TWIN = /-gladi$/;

/** The address names the room (`/panel/<room>`; a rehearsal that is over: its room); without it the one this tablet had last, if it still may see it, else the first it may. */
async function roomOf(api: Api): Promise<string> {
  const asked = /^\/panel\/([^/]+)$/.exec(location.pathname)?.[1];
  if (asked && !TWIN.test(asked)) return asked;
  const last = localStorage.getItem(ROOM);
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE_MS));
  const rooms = await Promise.race([api.rooms(), late]);
  if (rooms === null || !("ok" in rooms)) return asked ?? last ?? "-";
  const known = (id: string | null | undefined): string | undefined => rooms.ok.find((room) => room.id === id)?.id;
  return known(asked) ?? known(asked?.replace(TWIN, "")) ?? known(last) ?? rooms.ok[0]?.id ?? "-";
}

/** Who stands before the page decides what it offers; who is nobody signs in first. */
async function identify(session: Session): Promise<void> {
  const me = await session.api.me();
  if (!("ok" in me)) return;
  if (me.ok.kind === "nobody") location.replace(me.ok.set_up_needed ? "/setup" : `/login?next=${encodeURIComponent(location.pathname)}`);
  else session.me = me.ok;
}

async function start(): Promise<void> {
  const room = await roomOf(new Api());
  const session = new Session(new SocketTransport("/room"), room, __BUILD__);
  const target = document.getElementById("app");
  if (target) mount(Panel, { target, props: { session } });
  screen.start();
  session.start();
  if (room !== "-" && !TWIN.test(room)) localStorage.setItem(ROOM, room);
  void identify(session);
  prefetch(Object.values(sheets));
}

keepShell();
void start();
