/** The tab in the address bar: `/registry/<tab>/<rest>`. */
import { signal } from "@preact/signals";

export interface Route {
  tab: string;
  rest: string;
}

export function parseRoute(path: string): Route {
  const [tab = "", ...rest] = path.replace(/^\/registry\/?/, "").split("/");
  return { tab: decodeURIComponent(tab), rest: decodeURIComponent(rest.join("/")) };
}

export function formatRoute({ tab, rest }: Route): string {
  const tail = rest ? `/${rest.split("/").map(encodeURIComponent).join("/")}` : "";
  return `/registry/${encodeURIComponent(tab)}${tail}`;
}

export const route = signal<Route>(
  typeof location === "undefined" ? { tab: "", rest: "" } : parseRoute(location.pathname),
);

/** Go to a tab, and to something in it; the browser's way back works. */
export function go(tab: string, rest = ""): void {
  route.value = { tab, rest };
  history.pushState(null, "", formatRoute(route.value) + location.search);
}

export function followHistory(): void {
  addEventListener("popstate", () => {
    route.value = parseRoute(location.pathname);
  });
}
