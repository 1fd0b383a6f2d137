/** Words that stand on the plaque itself, in the document's language. */
export const PLAQUE = {
  id: { heading: "PRASASTI PERESMIAN", by: "diresmikan oleh", here: "Tanda tangan di sini", rehearsal: "GLADI" },
  en: { heading: "INAUGURATION PLAQUE", by: "inaugurated by", here: "Sign here", rehearsal: "REHEARSAL" },
} as const;
