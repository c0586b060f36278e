/** Starts the console. */
import { render } from "preact";
import "./styles/tokens.css";
import "./styles/page.css";
import "./styles/list.css";
import "./styles/detail.css";
import "./styles/segments.css";
import "./styles/map.css";
import "./styles/evaluation.css";
import "./styles/account.css";
import "./styles/narrow.css";
import { App, dressDocument } from "./app";
import { loadMe } from "./state/account";
import { start } from "./state/control";
import { listenToKeys } from "./state/keys";
import { link } from "./state/store";

const FONT_WAIT_MS = 800;

async function begin(): Promise<void> {
  dressDocument();
  start();
  void loadMe();
  listenToKeys();
  addEventListener("online", () => {
    if (link.value === "lost") link.value = "connecting";
  });
  // the map draws its letters once: wait for our font, but not for long
  const font = document.fonts.load('12px "IBM Plex Sans Variable"');
  await Promise.race([font, new Promise((done) => setTimeout(done, FONT_WAIT_MS))]);
  const host = document.getElementById("app");
  if (host) render(<App />, host);
}

void begin();
