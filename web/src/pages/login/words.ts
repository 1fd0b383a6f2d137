import type { Lang } from "../../core/format";
import { messages, type Messages } from "../../i18n";

/** Words that only the login pages say, Indonesian first; English has the same keys. */
const id = {
  loginTitle: "Masuk ke panel ruang",
  name: "Nama",
  password: "Kata sandi",
  showPassword: "Tampilkan kata sandi",
  signIn: "Masuk",
  signingIn: "Memeriksa …",
  wrongLogin: "Nama atau kata sandi salah.",
  tooMany: "Terlalu banyak percobaan. Tunggu sebentar.",
  tooManyFor: (time: string) => `Terlalu banyak percobaan. Coba lagi dalam ${time}.`,
  setupTitle: "Buat admin pertama",
  setupText: "Tulis kode yang tampil di layar server. Kode berlaku 30 menit.",
  setupCode: "Kode",
  newPassword: "Kata sandi baru",
  passwordRule: (length: number) => `Paling sedikit ${length} huruf.`,
  createAdmin: "Buat admin",
  haveAccount: "Sudah punya akun? Masuk",
  haveCode: "Punya kode pemasangan? Buat admin pertama",
  wrongCode: "Kode salah atau sudah tidak berlaku. Mulai ulang server untuk kode baru.",
  pairTitle: "Memasangkan tablet",
  pairWorking: "Menukar tautan dengan kunci tablet …",
  pairDone: (name: string) => `Tablet ini terpasang sebagai ${name}.`,
  pairGone: "Tautan ini sudah dipakai atau kedaluwarsa. Minta tautan baru kepada admin.",
  pairText: "Tablet ini akan menjadi panel ruang. Tautan hanya berlaku sekali.",
  pairCode: "Kode tablet",
  pair: "Pasangkan tablet ini",
  openPanel: "Buka panel",
  required: "Harus diisi.",
};

const en: typeof id = {
  loginTitle: "Sign in to the room panel",
  name: "Name",
  password: "Password",
  showPassword: "Show password",
  signIn: "Sign in",
  signingIn: "Checking …",
  wrongLogin: "Wrong name or password.",
  tooMany: "Too many attempts. Wait a moment.",
  tooManyFor: (time) => `Too many attempts. Try again in ${time}.`,
  setupTitle: "Create the first admin",
  setupText: "Type the code shown on the server's screen. It is valid for 30 minutes.",
  setupCode: "Code",
  newPassword: "New password",
  passwordRule: (length) => `At least ${length} characters.`,
  createAdmin: "Create admin",
  haveAccount: "Have an account? Sign in",
  haveCode: "Have a set-up code? Create the first admin",
  wrongCode: "The code is wrong or no longer valid. Restart the server for a new one.",
  pairTitle: "Pairing this tablet",
  pairWorking: "Exchanging the link for a tablet key …",
  pairDone: (name) => `This tablet is paired as ${name}.`,
  pairGone: "This link was used or has expired. Ask an admin for a new one.",
  pairText: "This tablet becomes a panel of the room. The link works only once.",
  pairCode: "Tablet code",
  pair: "Pair this tablet",
  openPanel: "Open the panel",
  required: "Required.",
};

export type Words = Messages & typeof id;

/** All words of the login pages. */
export function wordsOf(lang: Lang): Words {
  return { ...messages(lang), ...(lang === "en" ? en : id) };
}
