import type { Hand, MeetingState, Person } from "../../protocol/messages";

/** Everybody in protocol order: by rank, then by arrival. The server's numbers, so that every page agrees. */
export function inOrder(people: MeetingState["people"]): Person[] {
  return Object.values(people).sort((one, other) => one.rank - other.rank || one.joined - other.joined || (one.id < other.id ? -1 : 1));
}

/** Place in the queue, from 1; 0: no hand. */
export function placeOf(hands: readonly Hand[], person: string): number {
  return hands.findIndex((hand) => hand.person === person) + 1;
}

/** Who speaks before this person in the queue; null when nobody does. */
export function before(hands: readonly Hand[], person: string): string | null {
  const place = placeOf(hands, person);
  return place > 1 ? (hands[place - 2]?.person ?? null) : null;
}

/** Two letters for a tile without a picture: of the agency, else of the name. */
export function initials(person: Pick<Person, "name" | "agency_name">): string {
  const words = (person.agency_name || person.name).split(/[\s.]+/u).filter((word) => /\p{L}|\p{N}/u.test(word));
  const [first = "", second = ""] = words;
  const letters = second === "" ? [...first].slice(0, 2) : [[...first][0] ?? "", [...second][0] ?? ""];
  return letters.join("").toUpperCase();
}
