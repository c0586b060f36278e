/** Talks to the API: JSON in and out, and every failure as one `ApiError` that says what happened. */

const BASE = "/api/v1";
const TIMEOUT_MS = 15_000;

export type Failure = "offline" | "timeout" | "missing" | "conflict" | "refused" | "server";

export class ApiError extends Error {
  readonly kind: Failure;
  constructor(kind: Failure, message: string) {
    super(message);
    this.kind = kind;
  }
}

export type Query = Record<string, string | number | undefined>;

export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") params.set(key, String(value));
  }
  const text = params.toString();
  return BASE + path + (text ? `?${text}` : "");
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return request<T>(address(path, query), { headers: { accept: "application/json" } }, signal);
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const headers = { accept: "application/json", "content-type": "application/json" };
  return request<T>(address(path), { method: "POST", headers, body: JSON.stringify(body) });
}

async function request<T>(url: string, init: RequestInit, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(timeout.aborted ? "timeout" : "offline", String(error));
  }
  if (!response.ok) throw new ApiError(failureOf(response.status), await problemText(response));
  return (await response.json()) as T;
}

export function failureOf(status: number): Failure {
  if (status === 404) return "missing";
  if (status === 409) return "conflict";
  if (status === 503 || status === 504) return "timeout";
  return status < 500 ? "refused" : "server";
}

async function problemText(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { detail?: string; title?: string };
    return problem.detail ?? problem.title ?? response.statusText;
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}
