/** What the reader has set, kept in the fragment of the address: a link shows what he saw. */
import { effect, signal, type Signal } from "@preact/signals";

const WAIT = 120; // milliseconds; browsers limit how often an address may change
const kept = new Map<string, { value: Signal<string>; usual: string }>();
let known = read();

function read(): URLSearchParams {
  return new URLSearchParams(location.hash.slice(1));
}

/** A setting under a key; what is usual is not written. */
export function setting(key: string, usual = ""): Signal<string> {
  const found = kept.get(key);
  if (found) return found.value;
  const value = signal(known.get(key) ?? usual);
  kept.set(key, { value, usual });
  return value;
}

function fragment(): string {
  const words = new URLSearchParams();
  for (const [key, { value, usual }] of kept) {
    if (value.value !== usual) words.set(key, value.value);
  }
  return words.toString();
}

/** From now on the address follows the settings, and the settings an address that changes. */
export function follow(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const words = fragment();
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (words !== read().toString()) history.replaceState(null, "", `#${words}`);
    }, WAIT);
  });
  addEventListener("hashchange", () => {
    known = read();
    for (const [key, { value, usual }] of kept) value.value = known.get(key) ?? usual;
  });
}

/** Everything as it usually is, for another document. */
export function forget(): void {
  for (const [key, { value, usual }] of kept) if (key !== "theme") value.value = usual;
}
