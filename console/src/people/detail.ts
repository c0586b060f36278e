/** What an entry of the audit log holds, a line each: before → after, lists in words, the rest as it is. Pure. */

interface Change {
  before: unknown;
  after: unknown;
}

/** How the page says what a field is called, and a text in it. */
export interface Says {
  name: (field: string) => string;
  value: (field: string, text: string) => string;
}

export function detailLines(detail: Record<string, unknown>, says: Says): string[] {
  return Object.entries(detail)
    .filter(([, value]) => !isEmpty(value))
    .map(([field, value]) => {
      const plain = (part: unknown) => inWords(part, (text) => says.value(field, text));
      const said = isChange(value) ? `${plain(value.before)} → ${plain(value.after)}` : plain(value);
      return `${says.name(field)}: ${said}`;
    });
}

function isChange(value: unknown): value is Change {
  return typeof value === "object" && value !== null && "before" in value && "after" in value;
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

function inWords(value: unknown, say: (text: string) => string): string {
  if (isEmpty(value) || value === undefined) return "–";
  if (Array.isArray(value)) return value.map((one) => inWords(one, say)).join("; ");
  return typeof value === "object" ? JSON.stringify(value) : say(String(value));
}
