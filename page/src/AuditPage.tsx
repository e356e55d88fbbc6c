/** The page of an audit: what was found, the worst first, and a verdict for each tensor. */
import { computed, signal, useComputed } from "@preact/signals";
import { setting } from "./address";
import { fillOf, ordered, VERDICTS } from "./colours";
import type { Audit, Finding, Judgement } from "./documents";
import { Grid } from "./Grid";
import { Histogram } from "./Histogram";
import { ModelMap, zoomed } from "./ModelMap";
import { table, type Column, type Facet } from "./rows";
import { Crumbs, Head, Legend, Tile, VerdictLine } from "./Shell";
import { bytes, countOf, human, measured, plain, sentence, shape, shown, whole } from "./text";
import { Toolbar } from "./Toolbar";
import { collapsed, treeOf, type Node } from "./tree";

const MAP_HEIGHT = 300; // pixels
const LISTED = 8; // findings of one rule before all are asked for
const FAILING = new Set(["changed", "swapped", "missing", "extra"]);
const SEVERITIES = ["error", "warning", "note"];

const rank = (verdict: string): number => VERDICTS.fills.findIndex(([each]) => each === verdict);
const count = (row: Judgement): number => row.shape?.reduce((product, each) => product * each, 1) ?? 0;

/** The reason, and how far values lie apart. */
function described(row: Judgement): string {
  const apart = row.difference;
  if (!apart) return plain(row.because);
  const where = apart.first.length ? `[${apart.first.join(", ")}]` : "its only element";
  const nan = apart.nan ? `; ${whole(apart.nan)} are NaN` : "";
  return `${plain(row.because)}: ${whole(apart.changed)} of ${whole(apart.of)} elements differ, first at ${where}, by at most ${measured(apart.largest)}${nan}`;
}

const COLUMNS: Column<Judgement>[] = [
  {
    key: "verdict", title: "Verdict", width: 140, drop: 0, isUsual: true, text: (row) => row.verdict, value: (row) => rank(row.verdict),
    cell: (row) => <><i class="dot" style={{ background: fillOf(VERDICTS, row.verdict) }} />{row.verdict}</>,
  },
  { key: "shape", title: "Shape", width: 150, drop: 3, isUsual: true, text: (row) => shape(row.shape) },
  { key: "dtype", title: "Type", width: 84, drop: 4, isUsual: true, text: (row) => row.dtype },
  { key: "sqnr", title: "SQNR dB", width: 94, isRight: true, drop: 1, isUsual: true, text: (row) => row.quantization?.sqnr_db?.toFixed(1) ?? "", value: (row) => row.quantization?.sqnr_db ?? null },
  { key: "largest", title: "Largest error", width: 122, isRight: true, drop: 5, isUsual: true, text: (row) => measured(row.quantization?.largest_error ?? row.difference?.largest), value: (row) => row.quantization?.largest_error ?? row.difference?.largest ?? null },
  {
    key: "residuals", title: "Residuals", width: 100, drop: 6, isUsual: true, text: (row) => row.quantization?.residuals?.counts.join(" ") ?? "",
    cell: (row) => (row.quantization?.residuals ? <Histogram isSmall data={row.quantization.residuals} label="Residuals of quantization" /> : ""),
  },
  { key: "saturated", title: "Saturated %", width: 100, isRight: true, drop: 7, isUsual: false, text: (row) => (row.quantization ? (100 * row.quantization.saturated).toFixed(2) : ""), value: (row) => row.quantization?.saturated ?? null },
  { key: "stored", title: "Stored as", width: 200, drop: 8, isUsual: false, text: (row) => row.stored.map(plain).join(" ") },
  { key: "because", title: "Because", width: 330, drop: 2, isUsual: true, text: described },
];

const FACETS: Facet<Judgement>[] = [
  { key: "verdict", title: "Verdict", of: (row) => row.verdict },
  { key: "dtype", title: "Type", of: (row) => row.dtype || "?" },
  { key: "placed", title: "Placed by", of: (row) => (row.placed_by_name ? "name" : "content alone") },
];

export function auditStore(document: Audit) {
  const rows = [...document.judgements].sort((one, two) => rank(one.verdict) - rank(two.verdict));
  const tree = treeOf(rows.map((row) => row.name), "all tensors");
  const zoom = setting("zoom");
  const every = computed(() => tree);
  const drawn = computed(() => collapsed(tree, (at) => `${rows[at].verdict} ${rows[at].shape} ${rows[at].dtype}`));
  const within = computed(() => {
    const way = zoom.value ? zoomed(drawn.value, tree, zoom.value) : [];
    return way.length > 1 ? new Set(way[way.length - 1].rows) : null;
  });
  const judgements = table({ prefix: "", rows, nameOf: (row: Judgement) => row.name, columns: COLUMNS, facets: FACETS, tree, within });
  const valueOf = computed(() => (at: number) => count(rows[at]));
  const fillOfRow = computed(() => (at: number) => fillOf(VERDICTS, rows[at].verdict));
  const isShown = computed(() => {
    const passing = judgements.passing.value;
    return (at: number) => passing.has(at);
  });
  const open = (at: number) => {
    const words = judgements.opened.value.split(".").filter(Boolean);
    judgements.opened.value = [...new Set([...words, String(at)])].join(".");
    requestAnimationFrame(() => (wanted.value = at));
  };
  const wanted = signal(-1);
  return {
    document, rows, zoom, every, drawn, judgements, valueOf, fillOfRow, isShown, open, wanted, pointed: signal(-1),
    unit: computed(() => "parameters"),
  };
}

type Store = ReturnType<typeof auditStore>;

export function AuditPage({ store, isInner }: { store: Store; isInner?: boolean }) {
  const { document: made, rows } = store;
  return (
    <>
      <Head kicker="onnx-params audit" title={made.model.split(/[\\/]/).pop() ?? made.model} isInner={isInner}>
        <p class="about">
          {made.reference ? `against ${shown(made.reference)}` : "against no reference: the rules that need the artifact alone"}
          {made.policy ? ` · policy ${shown(made.policy)}` : ""}
        </p>
      </Head>
      <VerdictLine tone={made.passed ? "good" : "bad"}>{sentence(made.outcome)}</VerdictLine>
      <Tiles store={store} />
      <Findings store={store} />
      {rows.length ? <Judgements store={store} /> : null}
      {made.notes.length ? <ul class="notes">{made.notes.map((note) => <li key={note}>{shown(note)}</li>)}</ul> : null}
    </>
  );
}

function Tiles({ store }: { store: Store }) {
  const { document: made, rows } = store;
  const verdicts = ordered(VERDICTS, Object.keys(made.verdicts).filter((each) => made.verdicts[each]));
  const losses = rows.map((row) => row.quantization?.sqnr_db).filter((each) => each !== null && each !== undefined).sort((one, two) => one - two);
  return (
    <dl class="tiles">
      {verdicts.map((each) => (
        <Tile
          key={each} label={sentence(each)} value={whole(made.verdicts[each])}
          note={`${human(rows.filter((row) => row.verdict === each).reduce((sum, row) => sum + count(row), 0))} parameters`}
        />
      ))}
      {losses.length ? (
        <Tile label="SQNR" value={`${losses[losses.length >> 1].toFixed(1)} dB`} note={`in the middle, ${losses[0].toFixed(1)} dB at least`} />
      ) : null}
      <Tile label="Findings" value={whole(made.findings.length)} note={severitiesOf(made.findings)} />
    </dl>
  );
}

function severitiesOf(findings: Finding[]): string {
  const counted = SEVERITIES.map((each) => [each, findings.filter((found) => found.severity === each).length] as const);
  return counted.filter(([, n]) => n).map(([each, n]) => countOf(n, each)).join(", ") || "none";
}

function Findings({ store }: { store: Store }) {
  const { findings, rules } = store.document;
  const byRule = new globalThis.Map<string, Finding[]>();
  for (const each of findings) byRule.set(each.rule, [...(byRule.get(each.rule) ?? []), each]);
  if (!byRule.size) return <p class="panel none">There are no findings.</p>;
  return (
    <section class="findings" aria-label="Findings">
      {[...byRule].map(([rule, found]) => (
        <Rule key={rule} rule={rule} found={found} about={rules?.[rule]} store={store} />
      ))}
    </section>
  );
}

interface RuleProps {
  rule: string;
  found: Finding[];
  about?: { finds: string; why: string; next: string };
  store: Store;
}

function Rule({ rule, found, about, store }: RuleProps) {
  const isAll = setting(`all.${rule}`);
  const size = found.reduce((sum, each) => sum + each.bytes, 0);
  const listed = isAll.value ? found : found.slice(0, LISTED);
  const { severity } = found[0];
  return (
    <section class={`panel rule ${severity}`}>
      <h2><span class="severity">{severity}</span> {rule} <span class="count">{whole(found.length)}</span></h2>
      {about ? <p>{sentence(about.finds)}{size ? `; ${bytes(size)}` : ""}.</p> : null}
      <ul>
        {listed.map((each, at) => <Item key={at} finding={each} store={store} />)}
      </ul>
      {found.length > LISTED ? (
        <button class="link" onClick={() => (isAll.value = isAll.value ? "" : "1")}>
          {isAll.value ? "Show fewer" : `Show all ${whole(found.length)}`}
        </button>
      ) : null}
      {about ? <p class="quiet">Why: {about.why}. Next: {about.next}.</p> : null}
    </section>
  );
}

function Item({ finding, store }: { finding: Finding; store: Store }) {
  const at = finding.name ? store.rows.findIndex((row) => row.name === finding.name) : -1;
  const name = <bdi dir="ltr"><code>{shown(finding.name)}</code></bdi>;
  return (
    <li>
      {finding.name ? (at < 0 ? <>{name}: </> : <><button class="link" onClick={() => store.open(at)}>{name}</button>: </>) : null}
      {shown(finding.message)}
    </li>
  );
}

function Judgements({ store }: { store: Store }) {
  const { rows, judgements } = store;
  const isIcicle = useComputed(() => false);
  const cells = (node: Node) => {
    const found = ordered(VERDICTS, new Set(node.rows.map((at) => rows[at].verdict)));
    return { verdict: found.length > 1 ? `${found[0]} + ${found.length - 1}` : found[0], shape: countOf(node.rows.length, "tensor") };
  };
  return (
    <>
      <section class="panel" aria-label="Map">
        <div class="controls"><Crumbs root="All tensors" tree={store.drawn} whole={store.every} zoom={store.zoom} /></div>
        <ModelMap
          label="Map of tensors by parameters, coloured by verdict" tree={store.drawn} whole={store.every} zoom={store.zoom} isIcicle={isIcicle}
          valueOf={store.valueOf} fillOfRow={store.fillOfRow} isShown={store.isShown} pointed={store.pointed} unit={store.unit}
          about={(at) => `${rows[at].verdict} · ${shape(rows[at].shape)} ${rows[at].dtype}`} onRow={store.open} height={MAP_HEIGHT}
        />
        <Legend scale={VERDICTS} rows={rows.length} wordOf={(at) => rows[at].verdict} valueOf={store.valueOf.value} chosen={judgements.facet("verdict")} />
      </section>
      <h2 class="listed">Tensors <span class="count">{whole(rows.length)}</span></h2>
      <Toolbar table={judgements} label="Tensors" file="audit" />
      <Grid
        label="Tensors with their verdicts" table={judgements} groupCells={cells} pointed={store.pointed} wanted={store.wanted} zoom={store.zoom}
        detail={(row) => <JudgementDetail row={row} />}
      />
    </>
  );
}

function JudgementDetail({ row }: { row: Judgement }) {
  const lost = row.quantization;
  return (
    <div class="facts">
      <section>
        <h3>Verdict</h3>
        <p class="claim"><strong class={FAILING.has(row.verdict) ? "failing" : ""}>{row.verdict}</strong>{row.placed_by_name ? "" : ", placed by content alone"}</p>
        <p>{described(row)}</p>
        {row.other ? <p>Its place holds <code>{shown(row.other)}</code>.</p> : null}
      </section>
      <section>
        <h3>Stored as</h3>
        {row.stored.length ? row.stored.map((each) => <p key={each}><bdi dir="ltr"><code>{shown(each)}</code></bdi></p>) : <p>Nothing.</p>}
        <p>{row.dtype} {shape(row.shape)}</p>
      </section>
      {lost ? (
        <section class="numbers">
          <h3>What quantization cost</h3>
          {lost.residuals ? <Histogram data={lost.residuals} label="residuals" /> : null}
          <p>
            SQNR {lost.sqnr_db === null ? "not finite" : `${lost.sqnr_db.toFixed(1)} dB`}, largest error {measured(lost.largest_error) || "not finite"},
            {" "}{(100 * lost.saturated).toFixed(2)} % of codes at an end of their range.
          </p>
        </section>
      ) : null}
    </div>
  );
}

export function AuditsPage({ stores }: { stores: Store[] }) {
  const at = setting("model", "0");
  const chosen = stores[Number(at.value)] ?? stores[0];
  const failed = stores.filter((each) => !each.document.passed).length;
  return (
    <>
      <Head kicker="onnx-params audit" title={countOf(stores.length, "model")}>
        <p class="about">{failed ? `${whole(failed)} of them failed` : "all of them passed"}</p>
      </Head>
      <div class="cards">
        {stores.map(({ document }, number) => (
          <section key={number} class={document === chosen.document ? "panel card on" : "panel card"} aria-label={shown(document.model)}>
            <h2>
              <button class="link" aria-pressed={document === chosen.document} onClick={() => (at.value = String(number))}>
                <bdi dir="ltr">{shown(document.model)}</bdi>
              </button>
            </h2>
            <p class={document.passed ? "sure" : "failing"}>{plain(document.outcome)}</p>
          </section>
        ))}
      </div>
      <hr />
      <AuditPage key={at.value} store={chosen} isInner />
    </>
  );
}
