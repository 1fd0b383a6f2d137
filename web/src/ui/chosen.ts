/** The files just chosen in a file field, which is emptied: the same file, mended, may be chosen again. */
export function chosen(event: Event): File[] {
  const field = event.currentTarget as HTMLInputElement;
  const files = [...(field.files ?? [])];
  field.value = "";
  return files;
}
