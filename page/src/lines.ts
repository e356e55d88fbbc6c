/** Where the lines of a table lie, which columns fit, and the lines as text. */
import type { Column, Line, Table } from "./rows";

export const ROW = 30; // pixels; the style sheet has the same
const GUESSED = 120; // pixels of a detail that was not measured yet
const LEAST_NAME = 190; // pixels of the column of names
const WIDE = 1000; // pixels of a table whose names have more
const LEAST_WIDE_NAME = 310;

/** The columns that are chosen and fit. */
export function columnsOf<Row>(table: Table<Row>, width: number): Column<Row>[] {
  const words = table.chosen.value ? table.chosen.value.split(",") : null;
  const wanted = table.columns.filter((each) => (words ? words.includes(each.key) : each.isUsual));
  let room = width - (width > WIDE ? LEAST_WIDE_NAME : LEAST_NAME);
  const kept = new Set<Column<Row>>();
  for (const each of [...wanted].sort((one, two) => one.drop - two.drop)) {
    if (each.width > room) continue;
    kept.add(each);
    room -= each.width;
  }
  return wanted.filter((each) => kept.has(each));
}

export function topsOf(
  lines: readonly Line[],
  heights: Readonly<Record<number, number>>,
): Float64Array {
  const tops = new Float64Array(lines.length + 1);
  lines.forEach((line, at) => {
    tops[at + 1] = tops[at] + (line.kind === "detail" ? (heights[line.at] ?? GUESSED) : ROW);
  });
  return tops;
}

/** The line at a height, by halving. */
export function lineAt(tops: Float64Array, height: number): number {
  let [low, high] = [0, tops.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function parentOf(lines: readonly Line[], number: number): number {
  const depth = (line: Line) => (line.kind === "detail" ? Infinity : line.depth);
  const own = depth(lines[number]);
  for (let at = number - 1; at >= 0; at--)
    if (lines[at].kind === "group" && depth(lines[at]) < own) return at;
  return number;
}

/** The lines of a table as text, with the columns that are shown. */
export function texts<Row>(
  table: Table<Row>,
  columns: readonly Column<Row>[],
): {
  titles: string[];
  right: boolean[];
  cells: string[][];
  values: (string | number)[][];
} {
  const rows = table.shown.value.map((at) => table.rows[at]);
  return {
    titles: ["Name", ...columns.map((each) => each.title)],
    right: [false, ...columns.map((each) => each.isRight ?? false)],
    cells: rows.map((row) => [table.nameOf(row), ...columns.map((each) => each.text(row))]),
    values: rows.map((row) => [
      table.nameOf(row),
      ...columns.map((each) => (each.value ? (each.value(row) ?? "") : each.text(row))),
    ]),
  };
}
