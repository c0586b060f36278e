/** The keyboard: listens, and does what `keymap.ts` says a key means. */
import { adjust, select, switchLang, switchTheme } from "./control";
import { type Command, commandOf, type Pressed, step } from "./keymap";
import { cursor, helpOpen, shownRows, view } from "./store";

function move(by: 1 | -1): void {
  const ids = shownRows.value.map((row) => row.incident_id);
  cursor.value = step(ids, cursor.value, by);
  const row = document.getElementById(`incident-${cursor.value}`);
  row?.scrollIntoView({ block: "nearest" });
  // with a detail open the keys leaf through the incidents
  if (cursor.value !== null && view.value.selection?.kind === "incident")
    select({ kind: "incident", id: cursor.value });
}

const DO: Record<Command, () => void> = {
  next: () => move(1),
  previous: () => move(-1),
  open: () => {
    if (cursor.value !== null) select({ kind: "incident", id: cursor.value });
  },
  close: () => select(null),
  search: () => document.getElementById("search")?.focus(),
  lang: switchLang,
  theme: switchTheme,
  evaluation: () => adjust({ evaluation: view.value.evaluation ? "" : "district" }),
  help: () => {
    helpOpen.value = !helpOpen.value;
  },
};

export function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || ((helpOpen.value || view.value.evaluation) && event.key === "Escape")) return;
    const within = (event.target as HTMLElement | null)?.tagName ?? "BODY";
    const command = commandOf({ ...pick(event), within });
    if (!command) return;
    event.preventDefault();
    if (within !== "BODY" && command === "close") (event.target as HTMLElement).blur();
    DO[command]();
  });
}

function pick({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): Omit<Pressed, "within"> {
  return { key, ctrlKey, metaKey, altKey };
}
