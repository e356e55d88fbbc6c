/** The columns of the tables of a report. */
import { bitsWord, fillOf, KINDS } from "./colours";
import type { Other, Parameter } from "./documents";
import { Histogram } from "./Histogram";
import type { Column, Facet } from "./rows";
import { measured, plain, shape, whole } from "./text";

const number = (value: number | null | undefined): string =>
  value === null || value === undefined ? "?" : whole(value);
const names = (values: string[]): string => values.map(plain).join(" ");

/** The columns of parameters; `total` is that of the model, of which shares are. */
export function parameterColumns(total: number, hasStats: boolean): Column<Parameter>[] {
  const stat = (
    key: "min" | "max" | "mean" | "std" | "zeros" | "nan",
    title: string,
    drop: number,
  ): Column<Parameter> => ({
    key,
    title,
    width: 84,
    isRight: true,
    drop,
    isUsual: hasStats && drop < 5,
    text: (row) => measured(row.stats?.[key]),
    value: (row) => row.stats?.[key] ?? null,
  });
  const always: Column<Parameter>[] = [
    {
      key: "shape",
      title: "Shape",
      width: 150,
      drop: 1,
      isUsual: true,
      text: (row) => shape(row.shape),
    },
    {
      key: "count",
      title: "Parameters",
      width: 116,
      isRight: true,
      drop: 0,
      isUsual: true,
      text: (row) => number(row.count),
      value: (row) => row.count,
    },
    {
      key: "share",
      title: "Share",
      width: 96,
      isRight: true,
      drop: 8,
      isUsual: !hasStats,
      text: (row) => (total ? ((100 * (row.count ?? 0)) / total).toFixed(2) : "0.00"),
      value: (row) => (total ? (row.count ?? 0) / total : 0),
      cell: (row) => (
        <Bar
          share={total ? (row.count ?? 0) / total : 0}
          fill={fillOf(KINDS, row.kind ?? "other")}
        />
      ),
    },
    {
      key: "dtype",
      title: "Type",
      width: 84,
      drop: 4,
      isUsual: true,
      text: (row) => row.dtype ?? "?",
    },
    {
      key: "bits_per_weight",
      title: "Bits",
      width: 60,
      isRight: true,
      drop: 6,
      isUsual: true,
      text: (row) =>
        row.bits_per_weight === null ? "-" : String(Number(row.bits_per_weight.toPrecision(4))),
      value: (row) => row.bits_per_weight,
    },
    {
      key: "bytes",
      title: "Bytes",
      width: 112,
      isRight: true,
      drop: 9,
      isUsual: false,
      text: (row) => whole(row.bytes),
      value: (row) => row.bytes,
    },
    { key: "form", title: "Form", width: 110, drop: 10, isUsual: false, text: (row) => row.form },
    {
      key: "kind",
      title: "Kind",
      width: 110,
      drop: 7,
      isUsual: false,
      text: (row) => row.kind ?? "other",
    },
    {
      key: "evidence",
      title: "Evidence",
      width: 120,
      drop: 3,
      isUsual: true,
      text: (row) => row.evidence + (row.certain ? "" : " ?"),
      cell: (row) => (row.certain ? row.evidence : <span class="unsure">{row.evidence} ?</span>),
    },
    {
      key: "view",
      title: "View",
      width: 136,
      drop: 5,
      isUsual: true,
      text: (row) => row.view,
      cell: (row) => <View view={row.view} />,
    },
    {
      key: "stored",
      title: "Stored as",
      width: 220,
      drop: 11,
      isUsual: false,
      text: (row) => names(row.stored),
    },
    {
      key: "aliases",
      title: "Aliases",
      width: 180,
      drop: 12,
      isUsual: false,
      text: (row) => names(row.aliases),
    },
  ];
  if (!hasStats) return always;
  const spread: Column<Parameter> = {
    key: "histogram",
    title: "Spread",
    width: 110,
    drop: 2,
    isUsual: true,
    text: (row) => row.stats?.histogram?.counts.join(" ") ?? "",
    cell: (row) =>
      row.stats?.histogram ? (
        <Histogram isSmall data={row.stats.histogram} label="Spread of its numbers" />
      ) : (
        ""
      ),
  };
  return [
    ...always,
    spread,
    stat("min", "Min", 2),
    stat("max", "Max", 2),
    stat("mean", "Mean", 4),
    stat("std", "Std", 3),
    stat("zeros", "Zeros", 7),
    stat("nan", "NaN", 8),
  ];
}

function Bar({ share, fill }: { share: number; fill: string }) {
  return (
    <span class="meter">
      <i aria-hidden="true">
        <b style={{ width: `${(100 * share).toFixed(3)}%`, background: fill }} />
      </i>
      {(100 * share).toFixed(2)}
    </span>
  );
}

const GONE = /^(merged|dropped|tied|unknown)/;

function View({ view }: { view: string }) {
  return view === "whole" ? (
    <span class="quiet">{view}</span>
  ) : (
    <span class={GONE.test(view) ? "gone" : ""}>{view}</span>
  );
}

export const PARAMETER_FACETS: Facet<Parameter>[] = [
  { key: "form", title: "Form", of: (row) => row.form },
  { key: "kind", title: "Kind", of: (row) => row.kind ?? "other" },
  { key: "dtype", title: "Type", of: (row) => row.dtype ?? "?" },
  { key: "evidence", title: "Evidence", of: (row) => row.evidence },
  { key: "view", title: "View", of: (row) => row.view },
  { key: "bits", title: "Bits", of: (row) => bitsWord(row.bits_per_weight) },
];

export const OTHER_COLUMNS: Column<Other>[] = [
  { key: "role", title: "Role", width: 112, drop: 0, isUsual: true, text: (row) => row.role },
  { key: "rule", title: "Rule", width: 170, drop: 3, isUsual: true, text: (row) => row.rule },
  { key: "dtype", title: "Type", width: 84, drop: 4, isUsual: true, text: (row) => row.dtype },
  {
    key: "shape",
    title: "Shape",
    width: 150,
    drop: 5,
    isUsual: true,
    text: (row) => shape(row.shape),
  },
  {
    key: "bytes",
    title: "Bytes",
    width: 112,
    isRight: true,
    drop: 1,
    isUsual: true,
    text: (row) => whole(row.bytes),
    value: (row) => row.bytes,
  },
  {
    key: "place",
    title: "Place",
    width: 150,
    drop: 6,
    isUsual: true,
    text: (row) => plain(row.place),
  },
  {
    key: "because",
    title: "Because",
    width: 300,
    drop: 7,
    isUsual: false,
    text: (row) => plain(row.because),
  },
];

export const OTHER_FACETS: Facet<Other>[] = [
  { key: "role", title: "Role", of: (row) => row.role },
  { key: "rule", title: "Rule", of: (row) => row.rule },
  { key: "dtype", title: "Type", of: (row) => row.dtype },
];
