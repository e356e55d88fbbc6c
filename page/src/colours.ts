/** Colours of what is measured. White text is legible on every fill: 4.5 to 1 and more. */

export interface Scale {
  key: string;
  title: string;
  /** values in the order of the legend, with their fills */
  fills: readonly (readonly [string, string])[];
}

const BLUE = "#2b6cb8";
const TEAL = "#12796c";
const VIOLET = "#7655c4";
const RUST = "#b0531f";
const MAGENTA = "#ab3f86";
const OCHRE = "#8a6a10";
const SLATE = "#4c7590";
const GREY = "#66717d";
const RED = "#c03a3a";
const GREEN = "#3d7a35";

export const KINDS: Scale = {
  key: "kind",
  title: "Kind of module",
  fills: [
    ["embedding", VIOLET],
    ["attention", BLUE],
    ["feed-forward", TEAL],
    ["convolution", RUST],
    ["recurrent", OCHRE],
    ["linear", SLATE],
    ["norm", MAGENTA],
    ["other", GREY],
  ],
};

export const DTYPES: Scale = {
  key: "dtype",
  title: "Type",
  fills: [
    ["float64", "#255a9b"],
    ["float32", BLUE],
    ["bfloat16", VIOLET],
    ["float16", TEAL],
    ["int8", RUST],
    ["uint8", RUST],
    ["int4", OCHRE],
    ["uint4", OCHRE],
  ],
};

export const EVIDENCE: Scale = {
  key: "evidence",
  title: "Evidence",
  fills: [
    ["source-map", GREEN],
    ["signature", TEAL],
    ["reference", BLUE],
    ["stored-name", SLATE],
    ["scope", OCHRE],
    ["sibling", RUST],
    ["architecture", MAGENTA],
    ["none", GREY],
  ],
};

export const BITS: Scale = {
  key: "bits",
  title: "Bits a weight",
  fills: [
    ["none", GREY],
    ["to 4.6", TEAL],
    ["to 8.6", BLUE],
    ["to 16.6", VIOLET],
    ["more", MAGENTA],
  ],
};

export const FORMS: Scale = {
  key: "form",
  title: "Form",
  fills: [
    ["Vector", OCHRE],
    ["Matrix", BLUE],
    ["Tensor rank 3", TEAL],
    ["Tensor rank 4", RUST],
  ],
};

export const RELATIONS: Scale = {
  key: "relation",
  title: "Relation",
  fills: [
    ["different", RED],
    ["only in A", RUST],
    ["only in B", MAGENTA],
    ["quantized", BLUE],
    ["close", TEAL],
    ["equal after a cast", VIOLET],
    ["equal after folding", OCHRE],
    ["equal after a view", SLATE],
    ["values not compared", "#756257"],
    ["no numbers of its own", "#5f6670"],
    ["equal", GREY],
  ],
};

export const VERDICTS: Scale = {
  key: "verdict",
  title: "Verdict",
  fills: [
    ["changed", RED],
    ["swapped", MAGENTA],
    ["missing", RUST],
    ["extra", "#9c4f00"],
    ["not comparable", OCHRE],
    ["quantized", BLUE],
    ["cast", VIOLET],
    ["folded", SLATE],
    ["moved", TEAL],
    ["identical", GREEN],
  ],
};

const MORE = [GREEN, MAGENTA, "#5d5aa8", "#8c5a3c", "#31758a"];

/** The fill of a value; one that no scale lists has one of its own, the same wherever it stands. */
export function fillOf(scale: Scale, value: string): string {
  const known = scale.fills.find(([each]) => each === value);
  if (known) return known[1];
  let sum = 0;
  for (const letter of value) sum += letter.codePointAt(0)!;
  return MORE[sum % MORE.length];
}

/** Values in the order of the scale, others behind them. */
export function ordered(scale: Scale, values: Iterable<string>): string[] {
  return [...values].sort((one, two) => rankOf(scale, one) - rankOf(scale, two));
}

/** Where a word stands in a scale; those that it does not have come last. */
export function rankOf(scale: Scale, value: string): number {
  const at = scale.fills.findIndex(([each]) => each === value);
  return at < 0 ? scale.fills.length : at;
}

/** The first of the words in the order of the scale, and how many others there are. */
export function worstOf(scale: Scale, values: Iterable<string>): string {
  const found = ordered(scale, new Set(values));
  return found.length > 1 ? `${found[0]} + ${found.length - 1}` : found[0];
}

/** The word of the scale for a number of bits. */
export function bitsWord(bits: number | null): string {
  if (!bits) return "none";
  return bits <= 4.6 ? "to 4.6" : bits <= 8.6 ? "to 8.6" : bits <= 16.6 ? "to 16.6" : "more";
}
