/** The map of a model: an area for each parameter, which a click enters. */
import { useComputed, useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { cellAt, layout, type Cell } from "./layout";
import { look, outline, paint } from "./paint";
import { human, percent, shown } from "./text";
import { isDark, isPrinting } from "./theme";
import { wayTo, type Node } from "./tree";

export interface MapProps {
  label: string;
  /** the tree that is drawn, and the one that has every path */
  tree: ReadonlySignal<Node>;
  whole: ReadonlySignal<Node>;
  zoom: Signal<string>;
  isIcicle: ReadonlySignal<boolean>;
  valueOf: ReadonlySignal<(row: number) => number>;
  fillOfRow: ReadonlySignal<(row: number) => string>;
  isShown: ReadonlySignal<(row: number) => boolean>;
  /** the row that the reader points at, here or in the table */
  pointed: Signal<number>;
  unit: ReadonlySignal<string>;
  about: (row: number) => string;
  onRow: (row: number) => void;
  height?: number;
}

const ZOOM_TIME = 260; // milliseconds
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

/** The node that the address names; the root where no tree has it. */
export function zoomed(tree: Node, whole: Node, path: string): Node[] {
  return wayTo(tree, path) ?? wayTo(whole, path) ?? [tree];
}

/** The rows of the module that the address names; `null` where that is all of them. */
export function rowsWithin(tree: Node, whole: Node, path: string): Set<number> | null {
  const way = path ? zoomed(tree, whole, path) : [];
  return way.length > 1 ? new Set(way[way.length - 1].rows) : null;
}

export function ModelMap(props: MapProps) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  const cursor = useSignal<Cell | null>(null);
  const height = props.height ?? 380;
  const way = useComputed(() => zoomed(props.tree.value, props.whole.value, props.zoom.value));
  const cells = useComputed(() => {
    const at = way.value[way.value.length - 1];
    if (!width.value) return [];
    return layout(at, props.valueOf.value, width.value, height, props.isIcicle.value);
  });
  const total = useComputed(() => {
    const value = props.valueOf.value;
    return props.whole.value.rows.reduce((sum, row) => sum + value(row), 0);
  });
  const before = useRef<{ cells: Cell[]; path: string }>({ cells: [], path: "" });

  useLayoutEffect(() => {
    const element = box.current!;
    width.value = element.clientWidth;
    const watch = new ResizeObserver(() => (width.value = element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const draw = (view: View | null) => {
    const element = canvas.current!;
    const sharp = devicePixelRatio || 1;
    element.width = Math.round(width.value * sharp);
    element.height = Math.round(height * sharp);
    const context = element.getContext("2d")!;
    context.scale(sharp, sharp);
    const colours = look(element);
    const fill = props.fillOfRow.value;
    const isShown = props.isShown.value;
    const painter = {
      context,
      look: colours,
      fill: (cell: Cell) => fill(cell.node.rows[0]),
      detail: (cell: Cell) => human(cell.value),
      isFaded: (cell: Cell) => !cell.node.rows.some(isShown),
    };
    if (view) {
      context.translate(view.x, view.y);
      context.scale(view.kx, view.ky);
    }
    paint(painter, cells.value, props.isIcicle.value);
    if (view) return;
    const marked = cursor.value ?? cells.value.find((each) => isPointed(each, props.pointed.value));
    if (marked) outline(context, colours, marked);
  };

  useEffect(() => {
    if (!width.value) return;
    const path = way.value[way.value.length - 1].path;
    const from = before.current;
    before.current = { cells: cells.value, path };
    if (from.path === path || CALM.matches || isPrinting.value || !from.cells.length) {
      draw(null);
      return;
    }
    return animated(start(from, path, cells.value, width.value, height), draw);
  }, [cells.value, props.fillOfRow.value, props.isShown.value, isDark.value, isPrinting.value]);
  useEffect(() => {
    if (width.value) draw(null);
  }, [cursor.value, props.pointed.value]);

  const hit = (event: MouseEvent): Cell | null => {
    const frame = canvas.current!.getBoundingClientRect();
    return cellAt(cells.value, event.clientX - frame.left, event.clientY - frame.top);
  };
  const enter = (cell: Cell | null) => {
    if (!cell) return;
    hide();
    const step = cell.isLeaf && cell.parent?.parent ? cell.parent : cell;
    const here = way.value[way.value.length - 1].path;
    if (cell.isLeaf && (step === cell || step.node.path === here)) props.onRow(cell.node.rows[0]);
    else if (step.node.path !== here) props.zoom.value = step.node.path;
  };
  const out = () => {
    // a module with one child alone shows what its child shows
    const above = way.value.slice(0, -1).findLast((node, at) => !at || node.children.length > 1);
    if (above) props.zoom.value = above.path;
  };
  const hide = () => {
    if (tip.current) tip.current.hidden = true;
    props.pointed.value = -1;
  };
  const move = (event: MouseEvent) => {
    const found = hit(event);
    const element = tip.current!;
    if (!found || !found.parent) return hide();
    cursor.value = null;
    props.pointed.value = found.isLeaf ? found.node.rows[0] : -1;
    element.hidden = false;
    describe(element, found, props, total.value);
    const frame = box.current!.getBoundingClientRect();
    const room = frame.width - element.offsetWidth - 4;
    const left = Math.max(4, Math.min(event.clientX - frame.left + 14, room));
    const below = event.clientY - frame.top + 18;
    const isLow = below + element.offsetHeight > frame.height;
    const top = isLow ? event.clientY - frame.top - element.offsetHeight - 10 : below;
    element.style.transform = `translate(${left}px, ${top}px)`;
  };
  const keys = (event: KeyboardEvent) => {
    const listed = cells.value.filter(
      (each) => each.parent && (each.isLeaf || !props.isIcicle.value),
    );
    const at = cursor.value ? listed.indexOf(cursor.value) : -1;
    const go = (to: number) =>
      (cursor.value = listed[Math.max(0, Math.min(listed.length - 1, to))] ?? null);
    if (event.key === "ArrowRight" || event.key === "ArrowDown") go(at + 1);
    else if (event.key === "ArrowLeft" || event.key === "ArrowUp") go(at - 1);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(listed.length - 1);
    else if (event.key === "Enter" || event.key === " ") enter(cursor.value);
    else if (event.key === "Escape" || event.key === "Backspace") out();
    else return;
    event.preventDefault();
  };
  const spoken = cursor.value ? sentence(cursor.value, props, total.value) : "";
  return (
    <div class="map" ref={box}>
      <canvas
        ref={canvas}
        style={{ height: `${height}px` }}
        tabIndex={0}
        role="application"
        aria-roledescription="map"
        aria-label={`${props.label}. Arrow keys move, Enter goes in, Escape goes out; the table has the same content.`}
        onMouseMove={move}
        onMouseLeave={hide}
        onClick={(event) => enter(hit(event))}
        onKeyDown={keys}
        onBlur={() => (cursor.value = null)}
      />
      <div class="tip" ref={tip} hidden aria-hidden="true" />
      <p class="spoken" role="status">
        {spoken}
      </p>
      {props.whole.value.rows.length && total.value ? null : (
        <p class="empty">No bytes, no area.</p>
      )}
    </div>
  );
}

function isPointed(cell: Cell, row: number): boolean {
  return row >= 0 && cell.isLeaf && cell.node.rows.includes(row);
}

function sentence(cell: Cell, props: MapProps, total: number): string {
  const share = percent(cell.value, total);
  return `${shown(cell.node.path)}: ${human(cell.value)} ${props.unit.value}, ${share}`;
}

function describe(element: HTMLElement, cell: Cell, props: MapProps, total: number): void {
  const { node } = cell;
  const lines = [
    shown(node.path),
    `${human(cell.value)} ${props.unit.value} · ${percent(cell.value, total)}`,
  ];
  if (node.times > 1)
    lines.push(`${node.times} of one structure, ${human(cell.value / node.times)} each`);
  if (cell.isLeaf) lines.push(props.about(node.rows[0]));
  else if (node.times === 1) lines.push(`${node.rows.length} tensors`);
  element.replaceChildren(
    ...lines.map((line, at) => {
      const made = document.createElement(at ? "span" : "strong");
      made.textContent = line;
      return made;
    }),
  );
}

interface View {
  x: number;
  y: number;
  kx: number;
  ky: number;
}

/** From where the new cells seem to come: the place of the module that was entered or left. */
function start(
  from: { cells: Cell[]; path: string },
  path: string,
  to: Cell[],
  width: number,
  height: number,
): View {
  const entered = from.cells.find((each) => each.node.path === path);
  if (entered) {
    const kx = (entered.x1 - entered.x0) / width;
    const ky = (entered.y1 - entered.y0) / height;
    return { x: entered.x0, y: entered.y0, kx, ky };
  }
  const left = to.find((each) => each.node.path === from.path);
  if (!left || left.x1 - left.x0 < 2 || left.y1 - left.y0 < 2) return { x: 0, y: 0, kx: 1, ky: 1 };
  const kx = width / (left.x1 - left.x0);
  const ky = height / (left.y1 - left.y0);
  return { x: -left.x0 * kx, y: -left.y0 * ky, kx, ky };
}

function animated(from: View, draw: (view: View | null) => void): () => void {
  const began = performance.now();
  let frame = 0;
  const step = (now: number) => {
    const part = Math.min(1, (now - began) / ZOOM_TIME);
    if (part === 1) return draw(null);
    const eased = 1 - (1 - part) ** 3;
    const mix = (one: number, two: number) => one + (two - one) * eased;
    draw({ x: mix(from.x, 0), y: mix(from.y, 0), kx: mix(from.kx, 1), ky: mix(from.ky, 1) });
    frame = requestAnimationFrame(step);
  };
  step(began);
  return () => cancelAnimationFrame(frame);
}
