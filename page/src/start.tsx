/** Put a page on the screen, say when it is there, and load it anew when its server says so. */
import { render, type ComponentChild } from "preact";
import { closeMenus } from "./menus";
import { dress } from "./theme";

export function start(page: ComponentChild): void {
  dress();
  closeMenus();
  const place = document.getElementById("page")!;
  place.replaceChildren();
  render(page, place);
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("painted")));
  const live = document.querySelector<HTMLMetaElement>('meta[name="live"]')?.content;
  if (live) new EventSource(live).addEventListener("changed", () => location.reload());
}
