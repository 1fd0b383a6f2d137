import type { LegalSignature, Problem, SignerState, SigningCode, SigningTask } from "../../protocol/messages";
import type { Reply } from "../api";

/** What a signer does after a refusal. Nothing was signed, but with `never`: there nobody knows. */
export type Next = "again" | "secret" | "person" | "desk" | "never";

/** The signer's next step for each code. */
export const NEXT: Record<SigningCode, Next> = {
  busy: "again",
  unreachable: "again",
  wrong_passphrase: "secret",
  not_registered: "person",
  no_certificate: "person",
  expired: "person",
  not_yet_valid: "person",
  revoked: "person",
  refused: "desk",
  bad_pdf: "desk",
  rehearsal: "desk",
  no_key: "desk",
  invalid: "desk",
  configuration: "desk",
  untrusted: "desk",
  internal: "desk",
  unknown_outcome: "never",
};

/** What the phone shows. */
export type Phase =
  | "loading"
  /** The server cannot be reached; asked again by itself. */
  | "away"
  /** The link has ended, or never was. */
  | "ended"
  /** This is a tablet or wall of the stage: nobody signs there. */
  | "elsewhere"
  /** The signer may enter a secret. */
  | "form"
  /** The request is under way. */
  | "sending"
  /** An answer was lost, or the request goes on elsewhere: the server is asked what became of it, and nothing is sent. */
  | "asking"
  /** Nobody knows whether it was signed; a person looks. */
  | "unknown"
  | "done";

export interface Secrets {
  signer: string | null;
  passphrase: string | null;
  totp: string | null;
}

type Call = <T>(method: string, path: string, body?: unknown, timeoutMs?: number) => Promise<Reply<T>>;

/** Beyond the service's own deadline: the server answers first, whatever happens. */
const SIGN_MS = 90_000;
const ASK_MS = 2000;
/** So often nothing has happened at the server before "not sent" is believed. */
const SURE = 3;

/** One signatory's task on his own phone. A request whose answer is lost is never sent again by itself: the task is asked what became of it. */
export class Signing {
  phase: Phase = "loading";
  task: SigningTask | null = null;
  /** Why nothing was signed the last time. */
  code: SigningCode | null = null;
  problem: Problem | null = null;
  /** What the service says about the certificate. */
  signer: SignerState | null = null;
  /** The press never reached the server. */
  unsent = false;
  #quiet = 0;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly token: string,
    private readonly call: Call,
    private readonly changed: () => void,
    private readonly askMs = ASK_MS,
  ) {}

  start(): void {
    void this.#look();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Whether this signer's certificate may sign, by the service's word. */
  async check(signer: string): Promise<void> {
    this.signer = null;
    const reply = await this.#ask<SignerState>("/signer", { signer });
    if (reply) this.signer = reply;
    this.#tell();
  }

  /** Have a one-time code sent; true when the service has taken the wish. */
  async askCode(signer: string): Promise<boolean> {
    const sent = (await this.#ask("/code", { signer })) !== undefined;
    this.#tell();
    return sent;
  }

  /** The signer signs. Secrets are in this call and nowhere else. */
  async sign(secrets: Secrets): Promise<void> {
    if (this.phase !== "form") return;
    this.code = this.problem = null;
    this.unsent = false;
    this.#to("sending");
    const reply = await this.call<LegalSignature>("POST", this.#path("/sign"), secrets, SIGN_MS);
    if ("ok" in reply) return this.#told(reply.ok.state, reply.ok.code);
    if (reply.status === 0 || reply.status >= 500) {
      this.#quiet = 0;
      this.#to("asking");
      return this.#later();
    }
    this.problem = reply.problem;
    if (reply.problem?.code === "expired") return this.#to("ended");
    if (reply.problem?.code === "forbidden") return this.#to("elsewhere");
    this.#to("form");
    return this.#look();
  }

  async #look(): Promise<void> {
    const asked = this.phase;
    const reply = await this.call<SigningTask>("GET", this.#path(""));
    if (this.#closed || this.phase !== asked) return;
    if ("ok" in reply) {
      this.task = reply.ok;
      return this.#told(reply.ok.state, reply.ok.code);
    }
    if (reply.problem?.code === "expired" || reply.status === 404) return this.#to(asked === "done" ? "done" : "ended");
    if (reply.problem?.code === "forbidden") return this.#to("elsewhere");
    if (asked === "loading" || asked === "away") this.#to("away");
    this.#later();
  }

  /** The server's word on the signature. */
  #told(state: LegalSignature["state"], code: SigningCode | null): void {
    if (state === "valid") return this.#to("done");
    if (code === "unknown_outcome") {
      this.#to("unknown");
      return this.#later();
    }
    if (state === "running") {
      this.#quiet = 0;
      this.#to("asking");
      return this.#later();
    }
    if (this.phase === "asking") {
      // The request may still be on its way: only after some looks is it certain that it never came.
      this.#quiet += 1;
      if (code === null && this.#quiet < SURE) return this.#later();
      this.unsent = code === null;
    }
    if (this.phase !== "form" || code !== null) this.code = code;
    this.#to("form");
  }

  async #ask<T>(path: string, body: unknown): Promise<T | undefined> {
    this.problem = null;
    const reply = await this.call<T>("POST", this.#path(path), body, SIGN_MS);
    if ("ok" in reply) return reply.ok;
    this.problem = reply.problem ?? { code: "unreachable", text: { id: "Server tidak menjawab; tidak ada yang ditandatangani", en: "The server did not answer; nothing was signed" }, detail: "", fix: null, device: null, property: null };
    return undefined;
  }

  #path(rest: string): string {
    return `/api/v1/tte/${encodeURIComponent(this.token)}${rest}`;
  }

  #later(): void {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => void this.#look(), this.askMs);
  }

  #to(phase: Phase): void {
    this.phase = phase;
    this.#tell();
  }

  #tell(): void {
    this.changed();
  }
}
