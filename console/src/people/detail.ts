/** What an entry of the audit log holds, a line each: before → after, lists in words, the rest as it is. Pure. */

interface Change {
  before: unknown;
  after: unknown;
}

export function detailLines(detail: Record<string, unknown>, nameOf: (field: string) => string): string[] {
  return Object.entries(detail)
    .filter(([, value]) => !isEmpty(value))
    .map(([field, value]) => `${nameOf(field)}: ${isChange(value) ? changed(value) : plain(value)}`);
}

function changed({ before, after }: Change): string {
  return `${plain(before)} → ${plain(after)}`;
}

function isChange(value: unknown): value is Change {
  return typeof value === "object" && value !== null && "before" in value && "after" in value;
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

function plain(value: unknown): string {
  if (isEmpty(value) || value === undefined) return "–";
  if (Array.isArray(value)) return value.map(plain).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
