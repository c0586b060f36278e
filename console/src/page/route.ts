/** The address of a small page: `/<page>/<tab>/<rest>`. */
import { signal } from "@preact/signals";

export interface Route {
  page: string;
  tab: string;
  /** what is open in the tab */
  rest: string;
}

export function parseRoute(path: string): Route {
  const [page = "", tab = "", ...rest] = path.replace(/^\//, "").split("/");
  return { page, tab: decodeURIComponent(tab), rest: decodeURIComponent(rest.join("/")) };
}

export function formatRoute({ page, tab, rest }: Route): string {
  const tail = rest ? `/${rest.split("/").map(encodeURIComponent).join("/")}` : "";
  return `/${page}${tab ? `/${encodeURIComponent(tab)}` : ""}${tail}`;
}

export const route = signal<Route>(parseRoute(typeof location === "undefined" ? "/" : location.pathname));

/** Go to a tab of this page, and to something in it; the browser's way back works. */
export function go(tab: string, rest = ""): void {
  route.value = { ...route.value, tab, rest };
  const lang = new URLSearchParams(location.search).get("lang");
  history.pushState(null, "", formatRoute(route.value) + (lang ? `?lang=${lang}` : ""));
}

export function followHistory(): void {
  addEventListener("popstate", () => {
    route.value = parseRoute(location.pathname);
  });
}
