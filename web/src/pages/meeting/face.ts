/** The house's own typeface: fetched when nothing waits for it any more, and never where data is saved. */
export async function dress(): Promise<void> {
  try {
    if ((await document.fonts.load('500 16px "Plus Jakarta Sans"')).length > 0) document.documentElement.dataset["face"] = "own";
  } catch {
    // the system's typeface reads as well
  }
}
