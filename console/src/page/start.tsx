/** Starts a small page: its title in the document, its content in the page's one element. */
import { type ComponentType, render } from "preact";
import "../styles/tokens.css";
import "./page.css";
import "../styles/segments.css";
import { dressDocument } from "./state";

export function startPage(title: () => string, Page: ComponentType): void {
  dressDocument(title);
  const host = document.getElementById("app");
  if (host) render(<Page />, host);
}
