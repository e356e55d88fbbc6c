/** What the page of a report computes, once for each report. */
import { computed, signal } from "@preact/signals";
import { setting } from "./address";
import { BITS, bitsWord, DTYPES, EVIDENCE, fillOf, KINDS, type Scale } from "./colours";
import { OTHER_COLUMNS, OTHER_FACETS, PARAMETER_FACETS, parameterColumns } from "./columns";
import type { Parameter, Report } from "./documents";
import { rowsWithin } from "./ModelMap";
import { table } from "./rows";
import { collapsed, treeOf } from "./tree";

export const WORDS: Record<string, (row: Parameter) => string> = {
  kind: (row) => row.kind ?? "other",
  dtype: (row) => row.dtype ?? "?",
  evidence: (row) => row.evidence,
  bits: (row) => bitsWord(row.bits_per_weight),
};

export const SCALES: Record<string, Scale> = {
  kind: KINDS,
  dtype: DTYPES,
  evidence: EVIDENCE,
  bits: BITS,
};

/** All that the page of a report computes, once for each. */
export function storeOf(report: Report) {
  const rows = report.parameters;
  const settings = {
    zoom: setting("zoom"),
    map: setting("map", "treemap"),
    by: setting("by", "parameters"),
    colour: setting("colour", "kind"),
    stacks: setting("stacks", "1"),
    tab: setting("tab", "parameters"),
  };
  const tree = treeOf(
    rows.map((row) => row.name),
    report.model.name,
  );
  const whole_ = computed(() => tree);
  const drawn = computed(() =>
    settings.stacks.value === "1"
      ? collapsed(tree, (at) => `${rows[at].shape} ${rows[at].dtype} ${rows[at].kind}`)
      : tree,
  );
  const within = computed(() => rowsWithin(drawn.value, tree, settings.zoom.value));
  const hasStats = rows.some((row) => row.stats);
  const parameters = table({
    prefix: "",
    rows,
    nameOf: (row: Parameter) => row.name,
    columns: parameterColumns(report.totals.parameters, hasStats),
    facets: PARAMETER_FACETS,
    tree,
    within,
  });
  const others = table({
    prefix: "o.",
    rows: report.others,
    nameOf: (row) => row.name,
    columns: OTHER_COLUMNS,
    facets: OTHER_FACETS,
  });
  const valueOf = computed(() => {
    const isBytes = settings.by.value === "bytes";
    return (at: number) => (isBytes ? rows[at].bytes : (rows[at].count ?? 0));
  });
  const scale = computed(() => SCALES[settings.colour.value] ?? KINDS);
  const fillOfRow = computed(() => {
    const [word, of] = [WORDS[scale.value.key], scale.value];
    return (at: number) => fillOf(of, word(rows[at]));
  });
  const isShown = computed(() => {
    const passing = parameters.passing.value;
    return (at: number) => passing.has(at);
  });
  const unit = computed(() => (settings.by.value === "bytes" ? "bytes" : "parameters"));
  return {
    report,
    rows,
    settings,
    whole: whole_,
    drawn,
    parameters,
    others,
    valueOf,
    scale,
    fillOfRow,
    isShown,
    unit,
    pointed: signal(-1),
    wanted: signal(-1),
  };
}

export type Store = ReturnType<typeof storeOf>;
