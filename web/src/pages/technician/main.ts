import { mount } from "svelte";
import "../../styles/base.css";
import "./technician.css";
import { Api } from "../../core/api";
import { SocketTransport } from "../../core/socket";
import { Desk } from "./desk.svelte";
import Technician from "./Technician.svelte";

const ROOM = "smartroom.room";

/** The address names the room (`/technician/<room>`); without it the one this browser had last, else the first. */
async function roomOf(api: Api): Promise<string> {
  const asked = /^\/technician\/([^/]+)$/.exec(location.pathname)?.[1];
  if (asked) return asked;
  const rooms = await api.rooms();
  if (!("ok" in rooms)) return localStorage.getItem(ROOM) ?? "-";
  const last = localStorage.getItem(ROOM);
  return (rooms.ok.find((room) => room.id === last) ?? rooms.ok[0])?.id ?? "-";
}

async function start(): Promise<void> {
  const api = new Api();
  const room = await roomOf(api);
  const desk = new Desk(api, new SocketTransport("/room"), new SocketTransport("/technician"), room, __BUILD__);
  const target = document.getElementById("app");
  if (target) mount(Technician, { target, props: { desk } });
  desk.start();
}

void start();
