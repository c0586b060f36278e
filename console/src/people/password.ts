/** A first password that nobody chose: easy to read out, hard to guess. */

/** Without letters and digits that look alike. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP = 5;

/** `random` gives bytes; twenty letters of 31 are 99 bits. */
export function freshPassword(random: () => number = randomByte): string {
  const fair = 256 - (256 % LETTERS.length);
  const letter = (): string => {
    for (;;) {
      const byte = random();
      if (byte < fair) return LETTERS[byte % LETTERS.length] as string;
    }
  };
  const group = () => Array.from({ length: GROUP }, letter).join("");
  return Array.from({ length: GROUPS }, group).join("-");
}

function randomByte(): number {
  return crypto.getRandomValues(new Uint8Array(1))[0] as number;
}
