/** Where the cells of a map lie: a treemap, or an icicle from the top. */
import {
  hierarchy,
  partition,
  treemap,
  treemapSquarify,
  type HierarchyRectangularNode,
} from "d3-hierarchy";
import { plain } from "./text";
import type { Node } from "./tree";

export type Rectangle = HierarchyRectangularNode<Node>;

/** A rectangle with what is written in it; one without children in the layout is a leaf. */
export interface Cell {
  node: Node;
  parent: Cell | null;
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  value: number;
  /** the module's header, or the leaf's label */
  label: string;
  isLeaf: boolean;
}

const HEADER = 20; // pixels
const PADDING = 3;
const LEAST_WIDTH = 56; // of a module with a header
const LEAST_HEIGHT = 44;
const MAX_LEVELS = 12; // of an icicle

export function layout(
  root: Node,
  valueOf: (row: number) => number,
  width: number,
  height: number,
  isIcicle: boolean,
): Cell[] {
  const valued = hierarchy(root, (node) => (node.isRow ? null : node.children))
    .sum((node) => (node.isRow ? node.rows.reduce((sum, row) => sum + valueOf(row), 0) : 0))
    .sort((one, two) => two.value! - one.value!);
  return isIcicle ? icicle(valued, width, height) : squares(valued, width, height);
}

/** Whether a module holds modules, and not rows alone. */
const holdsModules = (node: Node): boolean => node.children.some((child) => !child.isRow);

/** Whether a module has one child alone, whose header then says both names. */
const isAlone = (node: Node): boolean => node.children.length === 1;

function hasHeader(at: Rectangle): boolean {
  if (at.depth === 0 || at.data.isRow || isAlone(at.data)) return false;
  if (!holdsModules(at.data) && at.data.times === (at.parent?.data.times ?? 1)) return false;
  return at.x1 - at.x0 >= LEAST_WIDTH && at.y1 - at.y0 >= LEAST_HEIGHT;
}

function squares(root: ReturnType<typeof hierarchy<Node>>, width: number, height: number): Cell[] {
  const headed = new Set<unknown>();
  const isHeaded = (at: Rectangle) => {
    if (!hasHeader(at)) return false;
    headed.add(at);
    return true;
  };
  const placed = treemap<Node>()
    .size([width, height])
    .tile(treemapSquarify.ratio(1.2))
    .paddingInner((at) => (at.depth === 0 || headed.has(at) ? PADDING : 1))
    .paddingTop((at) => (isHeaded(at as Rectangle) ? HEADER : 0))
    .paddingRight((at) => (headed.has(at) ? PADDING : 0))
    .paddingBottom((at) => (headed.has(at) ? PADDING : 0))
    .paddingLeft((at) => (headed.has(at) ? PADDING : 0))
    .round(true)(root);
  const cells: Cell[] = [];
  const visit = (at: Rectangle, parent: Cell | null, words: string[], isLargest: boolean) => {
    if (at.x1 <= at.x0 || at.y1 <= at.y0 || !at.value) return;
    const isHeader = headed.has(at);
    const isLeaf = at.data.isRow;
    const path = at.depth ? [...words, at.data.name] : words;
    let below = path;
    let made = parent;
    if (isHeader || isLeaf || at.depth === 0) {
      // the largest row of a module bears the module's name: `c_attn`, not `c_attn.weight`
      const named = isLeaf && isLargest && path.length > 1 ? path.slice(0, -1) : path;
      const times =
        isHeader && at.data.times > (parent?.node.times ?? 1) ? ` ×${at.data.times}` : "";
      made = cell(at, parent, plain(named.join(".")) + times, isLeaf);
      cells.push(made);
      below = [];
    }
    at.children?.forEach((child, number) => visit(child, made, below, number === 0));
  };
  visit(placed, null, [], false);
  return cells;
}

function cell(at: Rectangle, parent: Cell | null, label: string, isLeaf: boolean): Cell {
  const { x0, y0, x1, y1 } = at;
  return { node: at.data, parent, x0, y0, x1, y1, value: at.value!, label, isLeaf };
}

function icicle(root: ReturnType<typeof hierarchy<Node>>, width: number, height: number): Cell[] {
  const levels = Math.min(MAX_LEVELS, root.height + 1);
  const placed = partition<Node>()
    .size([width, (height / levels) * (root.height + 1)])
    .padding(1)
    .round(true)(root);
  const cells: Cell[] = [];
  const visit = (at: Rectangle, parent: Cell | null) => {
    if (at.x1 <= at.x0 || !at.value || at.depth >= levels) return;
    const times = at.data.times > (at.parent?.data.times ?? 1) ? ` ×${at.data.times}` : "";
    const made = cell(at, parent, plain(at.data.name) + times, at.data.isRow);
    cells.push(made);
    at.children?.forEach((child) => visit(child, made));
  };
  visit(placed, null);
  return cells;
}

/** The innermost cell at a point. */
export function cellAt(cells: readonly Cell[], x: number, y: number): Cell | null {
  let found: Cell | null = null;
  for (const each of cells) {
    const isIn = x >= each.x0 && x < each.x1 && y >= each.y0 && y < each.y1;
    if (isIn && (!found || each.y1 - each.y0 <= found.y1 - found.y0 || each.parent === found))
      found = each;
  }
  return found;
}
