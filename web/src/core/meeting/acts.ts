import type { Admit, Arrange, CallRoll, CallSeat, GiveTurn, LowerHands, MarkRoll, Mute, Problem, RaiseHand, RemovePerson, Say, SetItem, SetRole, SetStage, StartRoll, TurnAway } from "../../protocol/messages";
import { pressId } from "../press-id";
import { LINK_BROKE, NO_ANSWER, NOT_CONNECTED } from "../problems";
import type { ServerClock } from "../clock";
import type { Ask } from "./ports";
import { Refusal } from "./refusal";

const LIFE_MS = 5000;

type Body<T> = Partial<Omit<T, "id" | "at">>;

/** Everything a page may do in a meeting: event -> body beside id and time. The server looks the role up every time. */
export interface Deeds {
  hand: Body<RaiseHand>;
  say: Body<Say>;
  here: Body<object>;
  quit: Body<object>;
  admit: Body<Admit>;
  "turn-away": Body<TurnAway>;
  mute: Body<Mute>;
  "give-turn": Body<GiveTurn>;
  "lower-hands": Body<LowerHands>;
  remove: Body<RemovePerson>;
  role: Body<SetRole>;
  arrange: Body<Arrange>;
  stage: Body<SetStage>;
  "roll-start": Body<StartRoll>;
  "roll-call": Body<CallRoll>;
  "roll-mark": Body<MarkRoll>;
  "roll-stop": Body<object>;
  "call-seat": Body<CallSeat>;
  item: Body<SetItem>;
  extend: { ends: number };
  end: Body<object>;
  "hand-over": { next: string };
}

/** Whoever may act: somebody's own line, or a panel's. */
export interface ActLine {
  readonly now: { readonly live: boolean };
  readonly clock: ServerClock;
  readonly ask: Ask;
}

/** Does one thing, once. Null when the server took it; nothing is kept for later: without a line it is refused at once. */
export async function act<E extends keyof Deeds>(line: ActLine, event: E, body: Deeds[E]): Promise<Problem | null> {
  if (!line.now.live) return NOT_CONNECTED;
  try {
    await line.ask(event, { id: pressId(), at: line.clock.now(), ...body }, LIFE_MS);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.problem;
    return line.now.live ? NO_ANSWER : LINK_BROKE;
  }
}
