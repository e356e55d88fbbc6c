/** What the page of an audit computes. */
import { computed, signal } from "@preact/signals";
import { setting } from "./address";
import { COLUMNS, count, FACETS, rank } from "./auditColumns";
import { fillOf, VERDICTS } from "./colours";
import type { Audit, Judgement } from "./documents";
import { rowsWithin } from "./ModelMap";
import { openRow, table } from "./rows";
import { collapsed, treeOf } from "./tree";

export function auditStore(document: Audit) {
  const rows = [...document.judgements].sort((one, two) => rank(one.verdict) - rank(two.verdict));
  const tree = treeOf(
    rows.map((row) => row.name),
    "all tensors",
  );
  const zoom = setting("zoom");
  const every = computed(() => tree);
  const drawn = computed(() =>
    collapsed(tree, (at) => `${rows[at].verdict} ${rows[at].shape} ${rows[at].dtype}`),
  );
  const within = computed(() => rowsWithin(drawn.value, tree, zoom.value));
  const judgements = table({
    prefix: "",
    rows,
    nameOf: (row: Judgement) => row.name,
    columns: COLUMNS,
    facets: FACETS,
    tree,
    within,
  });
  const valueOf = computed(() => (at: number) => count(rows[at]));
  const fillOfRow = computed(() => (at: number) => fillOf(VERDICTS, rows[at].verdict));
  const isShown = computed(() => {
    const passing = judgements.passing.value;
    return (at: number) => passing.has(at);
  });
  const wanted = signal(-1);
  const open = (at: number) => openRow(judgements, wanted, at);
  return {
    document,
    rows,
    zoom,
    every,
    drawn,
    judgements,
    valueOf,
    fillOfRow,
    isShown,
    open,
    wanted,
    pointed: signal(-1),
    unit: computed(() => "parameters"),
  };
}

export type Store = ReturnType<typeof auditStore>;
