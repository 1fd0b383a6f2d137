import type { MeetingState, Person, Seated } from "../../protocol/messages";

/** Somebody in a meeting, for tests. */
export function person(id: string, part: Partial<Person> = {}): Person {
  return {
    id,
    name: id,
    office: "",
    agency: null,
    agency_name: "",
    role: "participant",
    rank: 1,
    device: "laptop",
    joined: 0,
    here: true,
    voice: "on",
    muted_by: null,
    camera: true,
    screen: false,
    tracks: { mic: `${id}.0`, camera: `${id}.1` },
    in_room: false,
    rung: 0,
    ...part,
  };
}

/** A meeting of these people, in the order of their names' ranks. */
export function meeting(people: Person[], part: Partial<MeetingState> = {}): MeetingState {
  return {
    meeting: "m",
    room: "r",
    room_name: { id: "Ruang", en: "Room" },
    title: "Rapat",
    version: 1,
    time: 0,
    timezone: "WIB",
    phase: "open",
    starts: 0,
    ends: 3600,
    opened: 0,
    people: Object.fromEntries(people.map((one) => [one.id, one])),
    hands: [],
    stage: { layout: "grid", spotlight: [], shown: [], screen: null },
    speaker: null,
    rules: { lobby: true, locked: false, self_unmute: true, chat: true, share: true },
    roll: null,
    agenda: [],
    item: 0,
    overrun: null,
    acting_host: null,
    ...part,
  } as MeetingState;
}

/** `count` people `p01`, `p02` … in protocol order. */
export function crowd(count: number): Person[] {
  return Array.from({ length: count }, (_, index) => person(`p${String(index + 1).padStart(2, "0")}`, { rank: index }));
}

/** What a page is told when it is in. */
export function seated(part: Partial<Seated> = {}): Seated {
  return { person: "p01", seat: "s".repeat(22), role: "participant", resumed: false, state: meeting(crowd(1)), slots: { audio: 3, video: 9, screen: 1 }, ice_servers: [], grace_s: 60, chat: 0, ...part } as Seated;
}
