/** What a scanned code says: our labels carry the address of this page with the label in it, a maker's only the label. */

const LABEL = /^[A-Za-z0-9_-]{1,64}$/;

export function labelOf(scanned: string): string | null {
  const text = scanned.trim();
  return LABEL.test(text) ? text : inAddress(text);
}

function inAddress(text: string): string | null {
  try {
    const label = new URL(text).searchParams.get("label") ?? "";
    return LABEL.test(label) ? label : null;
  } catch {
    return null;
  }
}
