/** Draw the cells of a map on a canvas. */
import type { Cell } from "./layout";

export interface Look {
  ink: string;
  dim: string;
  surface: string;
  line: string;
  accent: string;
  font: string;
}

const FADED = 0.16; // of cells that the filter leaves out
const LETTERS_HEIGHT = 15; // pixels of a line
const LEAST_TEXT = 26; // pixels of width below which nothing is written

/** The colours that the style sheet has now. */
export function look(element: Element): Look {
  const style = getComputedStyle(element);
  const word = (name: string) => style.getPropertyValue(name).trim();
  return {
    ink: word("--ink"),
    dim: word("--dim"),
    surface: word("--raised"),
    line: word("--line"),
    accent: word("--focus"),
    font: style.fontFamily,
  };
}

export interface Painter {
  context: CanvasRenderingContext2D;
  look: Look;
  fill: (cell: Cell) => string;
  /** a second line in a leaf that has room */
  detail: (cell: Cell) => string;
  isFaded: (cell: Cell) => boolean;
}

const widths = new Map<string, number>();

/** How wide a text is; measuring is the dearest part of drawing. */
function widthOf(context: CanvasRenderingContext2D, text: string): number {
  const key = context.font + text;
  const known = widths.get(key);
  if (known !== undefined) return known;
  if (widths.size > 20000) widths.clear();
  const found = context.measureText(text).width;
  widths.set(key, found);
  return found;
}

/** The text with its middle left out where it is wider than the room; "" where nothing fits. */
export function fitted(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (room < LEAST_TEXT) return "";
  let left = text.length > 200 ? `${text.slice(0, 100)}…${text.slice(-100)}` : text;
  if (widthOf(context, left) <= room) return left;
  // a path says most at its end: segments go from the front first
  const segments = left.split(".");
  while (segments.length > 1) {
    segments.shift();
    const tail = `…${segments.join(".")}`;
    if (widthOf(context, tail) <= room) return tail;
  }
  left = segments[0];
  while (left.length > 2) {
    left = left.slice(0, -1);
    if (widthOf(context, `${left}…`) <= room) return `${left}…`;
  }
  return "";
}

export function paint(painter: Painter, cells: readonly Cell[], isIcicle: boolean): void {
  for (const cell of cells) {
    if (isIcicle) bar(painter, cell);
    else if (cell.isLeaf) leaf(painter, cell);
    else frame(painter, cell);
  }
}

function box(context: CanvasRenderingContext2D, cell: Cell, radius: number): void {
  const [width, height] = [cell.x1 - cell.x0, cell.y1 - cell.y0];
  if (Math.min(width, height) < 8) {
    context.fillRect(cell.x0, cell.y0, width, height);
    return;
  }
  context.beginPath();
  context.roundRect(cell.x0, cell.y0, width, height, radius);
  context.fill();
}

function frame({ context, look, isFaded }: Painter, cell: Cell): void {
  if (!cell.parent) return;
  context.globalAlpha = 1;
  context.fillStyle = look.surface;
  box(context, cell, 5);
  context.strokeStyle = look.line;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(cell.x0 + 0.5, cell.y0 + 0.5, cell.x1 - cell.x0 - 1, cell.y1 - cell.y0 - 1, 5);
  context.stroke();
  context.font = `600 11.5px ${look.font}`;
  context.fillStyle = isFaded(cell) ? look.dim : look.ink;
  const text = fitted(context, cell.label, cell.x1 - cell.x0 - 12);
  if (text) context.fillText(text, cell.x0 + 6, cell.y0 + 14);
}

function leaf(painter: Painter, cell: Cell): void {
  const { context, fill, isFaded } = painter;
  context.globalAlpha = isFaded(cell) ? FADED : 1;
  context.fillStyle = fill(cell);
  box(context, cell, 3);
  if (!isFaded(cell)) lines(painter, cell, 6);
  context.globalAlpha = 1;
}

function bar(painter: Painter, cell: Cell): void {
  const { context, look, fill, isFaded } = painter;
  context.globalAlpha = isFaded(cell) ? FADED : 1;
  // a module of rows has the colour of the largest, as they have
  const isColoured = cell.isLeaf || cell.node.children.every((child) => child.isRow);
  context.fillStyle = isColoured ? fill(cell) : look.surface;
  box(context, cell, 3);
  context.globalAlpha = 1;
  if (isColoured) {
    if (!isFaded(cell)) lines(painter, cell, 6);
    return;
  }
  const width = cell.x1 - cell.x0;
  if (width > 8) {
    context.strokeStyle = look.line;
    context.strokeRect(cell.x0 + 0.5, cell.y0 + 0.5, width - 1, cell.y1 - cell.y0 - 1);
  }
  context.font = `600 11.5px ${look.font}`;
  context.fillStyle = isFaded(cell) ? look.dim : look.ink;
  const text = fitted(context, cell.label, width - 10);
  if (text) context.fillText(text, cell.x0 + 5, (cell.y0 + cell.y1) / 2 + 4);
}

function lines(painter: Painter, cell: Cell, margin: number): void {
  const { context, look, detail } = painter;
  const [width, height] = [cell.x1 - cell.x0, cell.y1 - cell.y0];
  if (height < LETTERS_HEIGHT) return;
  const small = height < 22;
  context.fillStyle = "#fff";
  context.font = `500 ${small ? 10.5 : 12}px ${look.font}`;
  const text = fitted(context, cell.label, width - (small ? 6 : 2 * margin));
  if (!text) return;
  const top = small ? cell.y0 + height / 2 + 3.5 : cell.y0 + 16;
  context.fillText(text, cell.x0 + (small ? 3 : margin), top);
  if (height < 38) return;
  context.font = `400 11px ${look.font}`;
  const second = fitted(context, detail(cell), width - 2 * margin);
  if (second && !second.includes("…"))
    context.fillText(second, cell.x0 + margin, top + LETTERS_HEIGHT);
}

/** Mark one cell. */
export function outline(context: CanvasRenderingContext2D, look: Look, cell: Cell): void {
  const [width, height] = [cell.x1 - cell.x0, cell.y1 - cell.y0];
  context.strokeStyle = look.ink;
  context.lineWidth = 2;
  context.beginPath();
  context.roundRect(cell.x0 + 1, cell.y0 + 1, Math.max(1, width - 2), Math.max(1, height - 2), 4);
  context.stroke();
}
