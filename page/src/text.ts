/** Numbers, shapes and untrusted names, as every part of the page writes them. */

// the characters that onnx_params/plain.py escapes: control and direction characters, half pairs
const HARMFUL =
  /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const UNITS: readonly (readonly [string, number])[] = [
  ["T", 1e12],
  ["G", 1e9],
  ["M", 1e6],
  ["K", 1e3],
];
const MAX_SHOWN = 400; // characters of a name in one place of the page

/** A name without anything that a page would act upon. */
export function plain(name: string): string {
  return name.replace(
    HARMFUL,
    (found) => "\\u" + found.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}

/** The same, cut in its middle where nobody would read all of it. */
export function shown(name: string): string {
  const text = plain(name);
  if (text.length <= MAX_SHOWN) return text;
  const half = MAX_SHOWN / 2;
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

/** A count with its thousands apart. */
export const whole = (count: number): string => count.toLocaleString("en-US");

/** A count by thousands with two decimals: 124.44M. */
export function human(count: number): string {
  for (const [unit, size] of UNITS) {
    if (Math.abs(count) >= size * 0.999995) return (count / size).toFixed(2) + unit;
  }
  return String(count);
}

/** Bytes by thousands: 497.28 MB. */
export function bytes(count: number): string {
  const text = human(count);
  return Math.abs(count) < 1000 ? `${count} B` : `${text.slice(0, -1)} ${text.slice(-1)}B`;
}

/** A number of things: 1 tensor, 2 tensors. */
export const countOf = (count: number, what: string): string =>
  `${whole(count)} ${what}${count === 1 ? "" : "s"}`;

/** A share of a whole in percent. */
export const percent = (part: number, all: number): string =>
  `${(all ? (100 * part) / all : 0).toFixed(2)} %`;

/** Words as the beginning of a sentence. */
export const sentence = (words: string): string =>
  plain(words.slice(0, 1).toUpperCase() + words.slice(1));

/** A shape as Python writes it. */
export function shape(dims: readonly number[] | null): string {
  if (dims === null) return "?";
  return `(${dims.join(", ")}${dims.length === 1 ? "," : ""})`;
}

/** A measured number in four digits. */
export function measured(value: number | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
}

const MARKDOWN: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "|": "\\|",
  '"': "&quot;",
};

/** A table in Markdown; `right` says which columns are flush right. */
export function markdown(titles: string[], right: boolean[], rows: string[][]): string {
  const cell = (text: string) => plain(text).replace(/[&<>|"]/g, (each) => MARKDOWN[each]);
  const line = (cells: string[]) => `| ${cells.map(cell).join(" | ")} |`;
  const rule = `|${right.map((each) => (each ? "---:" : "---")).join("|")}|`;
  return [line(titles), rule, ...rows.map(line), ""].join("\n");
}

/** Rows comma-separated; what a spreadsheet would take for a formula gets an apostrophe. */
export function csv(titles: string[], rows: (string | number)[][]): string {
  const cell = (value: string | number) => {
    if (typeof value === "number") return String(value);
    const text = plain(value);
    const safe = /^[=+\-@]./.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };
  return [titles, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
}
