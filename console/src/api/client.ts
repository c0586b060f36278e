/** Talks to the API: JSON in and out, and every failure as one `ApiError` that says what happened. */
import { goSignIn } from "./sign_in";

const BASE = "/api/v1";
const TIMEOUT_MS = 15_000;

export type Failure = "offline" | "timeout" | "missing" | "conflict" | "refused" | "server";

/** What a problem says beside its sentence: its status, and where a page explains it itself, why and with what. */
export interface Why {
  status: number;
  reason?: string;
  facts?: Record<string, unknown>;
  /** how long to wait before the next try */
  retryAfterS?: number | undefined;
}

export class ApiError extends Error {
  readonly kind: Failure;
  readonly why: Why;
  constructor(kind: Failure, message: string, why: Why = { status: 0 }) {
    super(message);
    this.kind = kind;
    this.why = why;
  }
}

export type Query = Record<string, string | number | readonly string[] | undefined>;

export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const each of value) params.append(key, each);
    else if (value !== undefined && value !== "") params.set(key, String(value));
  }
  const text = params.toString();
  return BASE + path + (text ? `?${text}` : "");
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return request<T>(address(path, query), { headers: { accept: "application/json" } }, signal);
}

export async function post<T>(
  path: string,
  body: unknown,
  more: Record<string, string> = {},
  patienceMs?: number,
): Promise<T> {
  const headers = { accept: "application/json", "content-type": "application/json", ...more };
  return request<T>(address(path), { method: "POST", headers, body: JSON.stringify(body) }, undefined, patienceMs);
}

export const put = <T>(path: string, body: unknown) => command<T>("PUT", path, body);
export const patch = <T>(path: string, body: unknown) => command<T>("PATCH", path, body);
export const del = <T>(path: string, body?: unknown) => command<T>("DELETE", path, body);

function command<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers = { accept: "application/json", "content-type": "application/json" };
  return request<T>(address(path), { method, headers, body: body === undefined ? null : JSON.stringify(body) });
}

/** Send a file as it is, and tell how many of its bytes are on their way: `fetch` cannot. */
export async function send<T>(
  path: string,
  query: Query,
  file: Blob,
  kind: string,
  patienceMs: number,
  told: (bytes: number) => void = () => {},
): Promise<T> {
  const response = await new Promise<Response>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path, query));
    request.setRequestHeader("accept", "application/json");
    request.setRequestHeader("content-type", kind);
    request.responseType = "blob";
    request.timeout = patienceMs;
    request.upload.onprogress = ({ loaded }) => told(loaded);
    request.ontimeout = () => reject(new ApiError("timeout", "timeout"));
    request.onerror = () => reject(new ApiError("offline", "the connection was lost"));
    request.onload = () => {
      const retry = request.getResponseHeader("retry-after");
      const { status, statusText } = request;
      resolve(new Response(request.response, { status, statusText, headers: retry ? { "retry-after": retry } : {} }));
    };
    request.send(file);
  });
  return answered<T>(response);
}

async function request<T>(
  url: string,
  init: RequestInit,
  signal?: AbortSignal,
  patienceMs: number = TIMEOUT_MS,
): Promise<T> {
  const timeout = AbortSignal.timeout(patienceMs);
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(timeout.aborted ? "timeout" : "offline", String(error));
  }
  return answered<T>(response);
}

async function answered<T>(response: Response): Promise<T> {
  if (!response.ok) throw await failed(response);
  return (await response.json()) as T;
}

export function failureOf(status: number): Failure {
  if (status === 404) return "missing";
  if (status === 409) return "conflict";
  if (status === 503 || status === 504) return "timeout";
  return status < 500 ? "refused" : "server";
}

async function failed(response: Response): Promise<ApiError> {
  const kind = failureOf(response.status);
  const status = response.status;
  const retryAfterS = Number(response.headers.get("retry-after")) || undefined;
  if (status === 401) goSignIn();
  try {
    const problem = (await response.json()) as Partial<Why> & { detail?: string; title?: string };
    const { detail, title, ...why } = problem;
    return new ApiError(kind, detail ?? title ?? response.statusText, { ...why, status, retryAfterS });
  } catch {
    return new ApiError(kind, `${status} ${response.statusText}`, { status });
  }
}
