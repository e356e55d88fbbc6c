/** Which lines a table has: filtered, sorted, grouped by module with folding. */
import { computed, type ReadonlySignal, type Signal } from "@preact/signals";
import { setting } from "./address";
import type { Node } from "./tree";

/** One column; `drop` says in which order columns go where there is no room, 0 never. */
export interface Column<Row> {
  key: string;
  title: string;
  width: number;
  isRight?: boolean;
  drop: number;
  isUsual: boolean;
  text: (row: Row) => string;
  /** what rows are sorted by, and what a sheet gets */
  value?: (row: Row) => number | string | null;
  cell?: (row: Row, at: number) => preact.ComponentChildren;
}

/** Something that rows have a few values of. */
export interface Facet<Row> {
  key: string;
  title: string;
  of: (row: Row) => string;
}

export type Line =
  | { kind: "group"; node: Node; depth: number; prefix: number }
  | { kind: "row"; at: number; depth: number; prefix: number }
  | { kind: "detail"; at: number };

export interface Table<Row> {
  prefix: string;
  rows: readonly Row[];
  nameOf: (row: Row) => string;
  columns: readonly Column<Row>[];
  facets: readonly Facet<Row>[];
  text: Signal<string>;
  sort: Signal<string>;
  isGrouped: Signal<string>;
  folded: Signal<string>;
  opened: Signal<string>;
  chosen: Signal<string>;
  facet: (key: string) => Signal<string>;
  /** the rows that pass text and facets, and those that are also in the zoomed module */
  passing: ReadonlySignal<ReadonlySet<number>>;
  shown: ReadonlySignal<readonly number[]>;
  lines: ReadonlySignal<readonly Line[]>;
  usesGroups: ReadonlySignal<boolean>;
}

/** What is typed as a test of a name: a glob over the whole of it, or a part of it. */
export function matcher(typed: string): (name: string) => boolean {
  const text = typed.trim().toLowerCase();
  if (!text) return () => true;
  if (!/[*?]/.test(text)) return (name) => name.toLowerCase().includes(text);
  const pieces = text.split("*");
  return (name) => globbed(name.toLowerCase(), pieces);
}

/** Whether a name is the pieces with anything between them; no pattern can make this slow. */
function globbed(name: string, pieces: readonly string[]): boolean {
  const last = pieces.length - 1;
  let at = 0;
  for (let number = 0; number <= last; number++) {
    const piece = pieces[number];
    let found = -1;
    const latest = name.length - piece.length;
    if (number === 0) found = fits(name, piece, 0) ? 0 : -1;
    else if (number === last) found = latest >= at && fits(name, piece, latest) ? latest : -1;
    else
      for (let from = at; from <= latest && found < 0; from++)
        if (fits(name, piece, from)) found = from;
    if (found < 0) return false;
    at = found + piece.length;
  }
  return last > 0 || at === name.length;
}

function fits(name: string, piece: string, from: number): boolean {
  if (from + piece.length > name.length) return false;
  for (let at = 0; at < piece.length; at++) {
    if (piece[at] !== "?" && piece[at] !== name[from + at]) return false;
  }
  return true;
}

export interface TableOptions<Row> {
  prefix: string;
  rows: readonly Row[];
  nameOf: (row: Row) => string;
  columns: readonly Column<Row>[];
  facets: readonly Facet<Row>[];
  tree?: Node;
  /** the rows of the zoomed module */
  within?: ReadonlySignal<ReadonlySet<number> | null>;
  usualSort?: string;
}

export function table<Row>(options: TableOptions<Row>): Table<Row> {
  const { prefix, rows, nameOf, columns, facets, tree, within } = options;
  const own = (key: string, usual = "") => setting(prefix + key, usual);
  const text = own("q");
  const sort = own("sort", options.usualSort ?? "");
  const isGrouped = own("group", "1");
  const folded = own("fold");
  const opened = own("open");
  const chosen = own("cols");
  const facet = (key: string) => own(`f.${key}`);
  const passing = computed(() => {
    const matches = matcher(text.value);
    const wanted = facets
      .map((each) => ({ of: each.of, value: facet(each.key).value }))
      .filter((each) => each.value);
    const found = new Set<number>();
    rows.forEach((row, at) => {
      if (wanted.every((each) => each.of(row) === each.value) && matches(nameOf(row)))
        found.add(at);
    });
    return found;
  });
  const shown = computed(() => {
    const inside = within?.value ?? null;
    const found = [...passing.value].filter((at) => !inside || inside.has(at));
    return sorted(found, rows, columns, sort.value);
  });
  const usesGroups = computed(() => tree !== undefined && isGrouped.value === "1" && !sort.value);
  const lines = computed(() => {
    const open = new Set(opened.value.split(".").filter(Boolean).map(Number));
    const made: Line[] = [];
    const add = (at: number, depth: number, start: number) => {
      made.push({ kind: "row", at, depth, prefix: start });
      if (open.has(at)) made.push({ kind: "detail", at });
    };
    if (usesGroups.value) grouped(tree!, new Set(shown.value), folds(folded.value), made, add);
    else shown.value.forEach((at) => add(at, 0, 0));
    return made;
  });
  return {
    prefix,
    rows,
    nameOf,
    columns,
    facets,
    text,
    sort,
    isGrouped,
    folded,
    opened,
    chosen,
    facet,
    passing,
    shown,
    lines,
    usesGroups,
  };
}

/** Unfold the details of a row, and have the grid scroll to it. */
export function openRow<Row>(table: Table<Row>, wanted: Signal<number>, at: number): void {
  const words = table.opened.value.split(".").filter(Boolean);
  table.opened.value = [...new Set([...words, String(at)])].join(".");
  requestAnimationFrame(() => (wanted.value = at));
}

function sorted<Row>(
  found: number[],
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: string,
): number[] {
  const column = columns.find((each) => each.key === sort.replace(/^-/, ""));
  if (!column) return found;
  const sign = sort.startsWith("-") ? -1 : 1;
  const keys = new globalThis.Map(found.map((at) => [at, (column.value ?? column.text)(rows[at])]));
  const isMissing = (value: unknown) => value === null || value === "";
  return found.sort((one, two) => {
    const [a, b] = [keys.get(one)!, keys.get(two)!];
    if (isMissing(a) || isMissing(b))
      return Number(isMissing(a)) - Number(isMissing(b)) || one - two;
    if (a === b) return one - two;
    return a < b ? -sign : sign;
  });
}

/** Which modules are folded: a list of them, or all but a list. */
export function folds(words: string): (path: string) => boolean {
  const isAll = words.startsWith("*");
  const listed = new Set(
    (isAll ? words.slice(1) : words).split(",").filter(Boolean).map(decodeURIComponent),
  );
  return (path) => listed.has(path) !== isAll;
}

/** The words with one module folded or unfolded. */
export function turnedFold(words: string, path: string): string {
  const isAll = words.startsWith("*");
  const listed = new Set((isAll ? words.slice(1) : words).split(",").filter(Boolean));
  const word = encodeURIComponent(path);
  if (!listed.delete(word)) listed.add(word);
  return (isAll ? "*" : "") + [...listed].join(",");
}

/** A module has a line of its own where it holds modules; one with one child alone has its child's. */
function grouped(
  tree: Node,
  keep: ReadonlySet<number>,
  isFolded: (path: string) => boolean,
  made: Line[],
  add: (at: number, depth: number, start: number) => void,
): void {
  const visit = (node: Node, depth: number, start: number): void => {
    if (node.isRow) {
      if (keep.has(node.rows[0])) add(node.rows[0], depth, start);
      return;
    }
    if (!node.rows.some((at) => keep.has(at))) return;
    const isModuleOfModules = node.children.some((child) => !child.isRow);
    const hasLine = node.path !== "" && isModuleOfModules && node.children.length > 1;
    if (!hasLine) {
      node.children.forEach((child) => visit(child, depth, start));
      return;
    }
    made.push({ kind: "group", node, depth, prefix: start });
    if (isFolded(node.path)) return;
    node.children.forEach((child) => visit(child, depth + 1, node.path.length + 1));
  };
  visit(tree, 0, 0);
}
