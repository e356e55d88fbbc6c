/** Menus close when the reader clicks elsewhere, and on Escape. */
export function closeMenus(): void {
  const close = (but: EventTarget | null) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
      if (!(but instanceof Node && menu.contains(but))) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => close(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close(null);
  });
}
