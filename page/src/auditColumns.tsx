/** The columns of the judgements of an audit. */
import { fillOf, VERDICTS } from "./colours";
import type { Judgement } from "./documents";
import { Histogram } from "./Histogram";
import type { Column, Facet } from "./rows";
import { measured, plain, shape, whole } from "./text";

export const rank = (verdict: string): number =>
  VERDICTS.fills.findIndex(([each]) => each === verdict);

export const count = (row: Judgement): number =>
  row.shape?.reduce((product, each) => product * each, 1) ?? 0;

/** The reason, and how far values lie apart. */
export function described(row: Judgement): string {
  const apart = row.difference;
  if (!apart) return plain(row.because);
  const where = apart.first.length ? `[${apart.first.join(", ")}]` : "its only element";
  const nan = apart.nan ? `; ${whole(apart.nan)} are NaN` : "";
  return `${plain(row.because)}: ${whole(apart.changed)} of ${whole(apart.of)} elements differ, first at ${where}, by at most ${measured(apart.largest)}${nan}`;
}

export const COLUMNS: Column<Judgement>[] = [
  {
    key: "verdict",
    title: "Verdict",
    width: 140,
    drop: 0,
    isUsual: true,
    text: (row) => row.verdict,
    value: (row) => rank(row.verdict),
    cell: (row) => (
      <>
        <i class="dot" style={{ background: fillOf(VERDICTS, row.verdict) }} />
        {row.verdict}
      </>
    ),
  },
  {
    key: "shape",
    title: "Shape",
    width: 150,
    drop: 3,
    isUsual: true,
    text: (row) => shape(row.shape),
  },
  { key: "dtype", title: "Type", width: 84, drop: 4, isUsual: true, text: (row) => row.dtype },
  {
    key: "sqnr",
    title: "SQNR dB",
    width: 94,
    isRight: true,
    drop: 1,
    isUsual: true,
    text: (row) => row.quantization?.sqnr_db?.toFixed(1) ?? "",
    value: (row) => row.quantization?.sqnr_db ?? null,
  },
  {
    key: "largest",
    title: "Largest error",
    width: 122,
    isRight: true,
    drop: 5,
    isUsual: true,
    text: (row) => measured(row.quantization?.largest_error ?? row.difference?.largest),
    value: (row) => row.quantization?.largest_error ?? row.difference?.largest ?? null,
  },
  {
    key: "residuals",
    title: "Residuals",
    width: 100,
    drop: 6,
    isUsual: true,
    text: (row) => row.quantization?.residuals?.counts.join(" ") ?? "",
    cell: (row) =>
      row.quantization?.residuals ? (
        <Histogram isSmall data={row.quantization.residuals} label="Residuals of quantization" />
      ) : (
        ""
      ),
  },
  {
    key: "saturated",
    title: "Saturated %",
    width: 100,
    isRight: true,
    drop: 7,
    isUsual: false,
    text: (row) => (row.quantization ? (100 * row.quantization.saturated).toFixed(2) : ""),
    value: (row) => row.quantization?.saturated ?? null,
  },
  {
    key: "stored",
    title: "Stored as",
    width: 200,
    drop: 8,
    isUsual: false,
    text: (row) => row.stored.map(plain).join(" "),
  },
  { key: "because", title: "Because", width: 330, drop: 2, isUsual: true, text: described },
];

export const FACETS: Facet<Judgement>[] = [
  { key: "verdict", title: "Verdict", of: (row) => row.verdict },
  { key: "dtype", title: "Type", of: (row) => row.dtype || "?" },
  {
    key: "placed",
    title: "Placed by",
    of: (row) => (row.placed_by_name ? "name" : "content alone"),
  },
];
