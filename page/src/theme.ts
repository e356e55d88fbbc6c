/** Light or dark: the reader's system says it, or the reader; paper is white. */
import { computed, effect, signal } from "@preact/signals";
import { options } from "preact";
import { setting } from "./address";

const system = matchMedia("(prefers-color-scheme: dark)");
const isSystemDark = signal(system.matches);
system.addEventListener("change", () => (isSystemDark.value = system.matches));

/** While the page is printed everything stands on it, in light colours. */
export const isPrinting = signal(false);
export const theme = setting("theme");
export const isDark = computed(
  () => !isPrinting.value && (theme.value ? theme.value === "dark" : isSystemDark.value),
);

export function turn(): void {
  const next = isDark.value ? "light" : "dark";
  theme.value = next === (isSystemDark.value ? "dark" : "light") ? "" : next;
}

export function dress(): void {
  effect(() => {
    document.documentElement.dataset.theme = isDark.value ? "dark" : "light";
  });
  const print = (starts: boolean) => {
    const later = options.debounceRendering;
    options.debounceRendering = (run) => run(); // the paper does not wait for the next frame
    isPrinting.value = starts;
    options.debounceRendering = later;
  };
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
}
