/** The way to the sign-in page and back. */

const PAGE = "/login";
/** Pages that need nobody to be signed in. */
const PUBLIC = [PAGE, "/citizens"];

/** A page of ours to go back to; anything else, an address of elsewhere above all, becomes the console. */
export function localPage(text: string | null): string {
  if (!text || !/^\/(?![/\\])[\x21-\x7e]*$/.test(text) || isAt(PAGE, text)) return "/";
  return text;
}

export function signInAddress(from: string): string {
  const page = localPage(encodeURI(decodeSafely(from)));
  return page === "/" ? PAGE : `${PAGE}?next=${encodeURIComponent(page)}`;
}

/** Nobody is signed in any more: sign in, then come back to where one was. */
export function goSignIn(): void {
  const { pathname, search, hash } = location;
  if (PUBLIC.some((page) => isAt(page, pathname))) return;
  location.replace(signInAddress(pathname + search + hash));
}

function isAt(page: string, path: string): boolean {
  return path === page || path.startsWith(`${page}/`) || path.startsWith(`${page}?`);
}

function decodeSafely(text: string): string {
  try {
    return decodeURI(text);
  } catch {
    return text;
  }
}
