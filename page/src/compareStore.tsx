/** What the page of a comparison computes, and the columns of its pairs. */
import { computed, signal } from "@preact/signals";
import { setting } from "./address";
import { fillOf, rankOf, RELATIONS } from "./colours";
import type { Comparison, Pair, Side } from "./documents";
import { rowsWithin } from "./ModelMap";
import { table, type Column, type Facet } from "./rows";
import { measured, plain, shape, whole } from "./text";
import { collapsed, treeOf } from "./tree";

export const nameOf = (pair: Pair): string => (pair.a ?? pair.b)!.name;

export const both = (pair: Pair, text: (side: Side) => string): string => {
  const [a, b] = [pair.a ? text(pair.a) : "-", pair.b ? text(pair.b) : "-"];
  return a === b ? a : `${a} → ${b}`;
};

export const rank = (relation: string): number => rankOf(RELATIONS, relation);

export const countOfSide = (side: Side | null): number =>
  side?.shape?.reduce((product, each) => product * each, 1) ?? 0;

export const COLUMNS: Column<Pair>[] = [
  {
    key: "relation",
    title: "Relation",
    width: 168,
    drop: 0,
    isUsual: true,
    text: (row) => row.relation,
    value: (row) => rank(row.relation),
    cell: (row) => (
      <>
        <i class="dot" style={{ background: fillOf(RELATIONS, row.relation) }} />
        {row.relation}
      </>
    ),
  },
  {
    key: "shape",
    title: "Shape",
    width: 190,
    drop: 3,
    isUsual: true,
    text: (row) => both(row, (side) => shape(side.shape)),
  },
  {
    key: "dtype",
    title: "Type",
    width: 140,
    drop: 2,
    isUsual: true,
    text: (row) => both(row, (side) => side.dtype ?? "?"),
  },
  {
    key: "a",
    title: "Bytes in A",
    width: 108,
    isRight: true,
    drop: 4,
    isUsual: true,
    text: (row) => (row.a ? whole(row.a.bytes) : "-"),
    value: (row) => row.a?.bytes ?? null,
  },
  {
    key: "b",
    title: "Bytes in B",
    width: 108,
    isRight: true,
    drop: 4,
    isUsual: true,
    text: (row) => (row.b ? whole(row.b.bytes) : "-"),
    value: (row) => row.b?.bytes ?? null,
  },
  {
    key: "sqnr_db",
    title: "SQNR dB",
    width: 94,
    isRight: true,
    drop: 1,
    isUsual: true,
    text: (row) => (row.sqnr_db === null ? "" : row.sqnr_db.toFixed(1)),
    value: (row) => row.sqnr_db,
  },
  {
    key: "largest",
    title: "Largest",
    width: 92,
    isRight: true,
    drop: 5,
    isUsual: true,
    text: (row) => measured(row.largest),
    value: (row) => row.largest,
  },
  {
    key: "relative",
    title: "Relative %",
    width: 92,
    isRight: true,
    drop: 7,
    isUsual: false,
    text: (row) => (row.relative === null ? "" : (100 * row.relative).toFixed(2)),
    value: (row) => row.relative,
  },
  {
    key: "paired_by",
    title: "Paired by",
    width: 92,
    drop: 6,
    isUsual: false,
    text: (row) => row.paired_by,
  },
  { key: "how", title: "How", width: 220, drop: 8, isUsual: true, text: (row) => plain(row.how) },
];

export const FACETS: Facet<Pair>[] = [
  { key: "relation", title: "Relation", of: (row) => row.relation },
  { key: "dtype", title: "Type", of: (row) => both(row, (side) => side.dtype ?? "?") },
  { key: "by", title: "Paired by", of: (row) => row.paired_by },
];

export function compareStore(document: Comparison) {
  // changes first: modules too stand in the order of their first row
  const rows = [...document.pairs].sort((one, two) => rank(one.relation) - rank(two.relation));
  const tree = treeOf(rows.map(nameOf), "both models");
  const settings = {
    zoom: setting("zoom"),
    by: setting("by", "bytes"),
    stacks: setting("stacks", "1"),
  };
  const every = computed(() => tree);
  const drawn = computed(() =>
    settings.stacks.value === "1"
      ? collapsed(
          tree,
          (at) => `${rows[at].relation} ${both(rows[at], (side) => `${side.shape} ${side.dtype}`)}`,
        )
      : tree,
  );
  const within = computed(() => rowsWithin(drawn.value, tree, settings.zoom.value));
  const pairs = table({ prefix: "", rows, nameOf, columns: COLUMNS, facets: FACETS, tree, within });
  const valueOf = (side: "a" | "b") =>
    computed(() => {
      const isBytes = settings.by.value === "bytes";
      return (at: number) => (isBytes ? (rows[at][side]?.bytes ?? 0) : countOfSide(rows[at][side]));
    });
  const fillOfRow = computed(() => (at: number) => fillOf(RELATIONS, rows[at].relation));
  const isShown = computed(() => {
    const passing = pairs.passing.value;
    return (at: number) => passing.has(at);
  });
  const unit = computed(() => settings.by.value);
  return {
    document,
    rows,
    settings,
    every,
    drawn,
    pairs,
    valueOf: { a: valueOf("a"), b: valueOf("b") },
    fillOfRow,
    isShown,
    unit,
    pointed: signal(-1),
    wanted: signal(-1),
  };
}

export type Store = ReturnType<typeof compareStore>;
