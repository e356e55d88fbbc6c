/** The page of an audit: what was found, the worst first, and a verdict for each tensor. */
import { useComputed } from "@preact/signals";
import { setting } from "./address";
import { count, described } from "./auditColumns";
import type { Store } from "./auditStore";
import { Findings } from "./Findings";
import { ordered, VERDICTS, worstOf } from "./colours";
import type { Finding, Judgement } from "./documents";
import { Grid } from "./Grid";
import { Histogram } from "./Histogram";
import { ModelMap } from "./ModelMap";
import { Crumbs, Head, Legend, Tile, VerdictLine } from "./Shell";
import { countOf, human, measured, plain, sentence, shape, shown, whole } from "./text";
import { Toolbar } from "./Toolbar";
import { type Node } from "./tree";

const MAP_HEIGHT = 300; // pixels
const FAILING = new Set(["changed", "swapped", "missing", "extra"]);

const SEVERITIES = ["error", "warning", "note"];

export function AuditPage({ store, isInner }: { store: Store; isInner?: boolean }) {
  const { document: made, rows } = store;
  return (
    <>
      <Head
        kicker="onnx-params audit"
        title={made.model.split(/[\\/]/).pop() ?? made.model}
        isInner={isInner}
      >
        <p class="about">
          {made.reference
            ? `against ${shown(made.reference)}`
            : "against no reference: the rules that need the artifact alone"}
          {made.policy ? ` · policy ${shown(made.policy)}` : ""}
        </p>
      </Head>
      <VerdictLine tone={made.passed ? "good" : "bad"}>{sentence(made.outcome)}</VerdictLine>
      <Tiles store={store} />
      <Findings store={store} />
      {rows.length ? <Judgements store={store} /> : null}
      {made.notes.length ? (
        <ul class="notes">
          {made.notes.map((note) => (
            <li key={note}>{shown(note)}</li>
          ))}
        </ul>
      ) : null}
    </>
  );
}

function Tiles({ store }: { store: Store }) {
  const { document: made, rows } = store;
  const verdicts = ordered(
    VERDICTS,
    Object.keys(made.verdicts).filter((each) => made.verdicts[each]),
  );
  const losses = rows
    .map((row) => row.quantization?.sqnr_db)
    .filter((each) => each !== null && each !== undefined)
    .sort((one, two) => one - two);
  return (
    <dl class="tiles">
      {verdicts.map((each) => (
        <Tile
          key={each}
          label={sentence(each)}
          value={whole(made.verdicts[each])}
          note={`${human(rows.filter((row) => row.verdict === each).reduce((sum, row) => sum + count(row), 0))} parameters`}
        />
      ))}
      {losses.length ? (
        <Tile
          label="SQNR"
          value={`${losses[losses.length >> 1].toFixed(1)} dB`}
          note={`in the middle, ${losses[0].toFixed(1)} dB at least`}
        />
      ) : null}
      <Tile
        label="Findings"
        value={whole(made.findings.length)}
        note={severitiesOf(made.findings)}
      />
    </dl>
  );
}

function severitiesOf(findings: Finding[]): string {
  const counted = SEVERITIES.map(
    (each) => [each, findings.filter((found) => found.severity === each).length] as const,
  );
  return (
    counted
      .filter(([, n]) => n)
      .map(([each, n]) => countOf(n, each))
      .join(", ") || "none"
  );
}

function Judgements({ store }: { store: Store }) {
  const { rows, judgements } = store;
  const isIcicle = useComputed(() => false);
  const cells = (node: Node) => {
    const verdicts = node.rows.map((at) => rows[at].verdict);
    return {
      verdict: worstOf(VERDICTS, verdicts),
      shape: countOf(node.rows.length, "tensor"),
    };
  };
  return (
    <>
      <section class="panel" aria-label="Map">
        <div class="controls">
          <Crumbs root="All tensors" tree={store.drawn} whole={store.every} zoom={store.zoom} />
        </div>
        <ModelMap
          label="Map of tensors by parameters, coloured by verdict"
          tree={store.drawn}
          whole={store.every}
          zoom={store.zoom}
          isIcicle={isIcicle}
          valueOf={store.valueOf}
          fillOfRow={store.fillOfRow}
          isShown={store.isShown}
          pointed={store.pointed}
          unit={store.unit}
          about={(at) => `${rows[at].verdict} · ${shape(rows[at].shape)} ${rows[at].dtype}`}
          onRow={store.open}
          height={MAP_HEIGHT}
        />
        <Legend
          scale={VERDICTS}
          rows={rows.length}
          wordOf={(at) => rows[at].verdict}
          valueOf={store.valueOf.value}
          chosen={judgements.facet("verdict")}
        />
      </section>
      <h2 class="listed">
        Tensors <span class="count">{whole(rows.length)}</span>
      </h2>
      <Toolbar table={judgements} label="Tensors" file="audit" />
      <Grid
        label="Tensors with their verdicts"
        table={judgements}
        groupCells={cells}
        pointed={store.pointed}
        wanted={store.wanted}
        zoom={store.zoom}
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
        <p class="claim">
          <strong class={FAILING.has(row.verdict) ? "failing" : ""}>{row.verdict}</strong>
          {row.placed_by_name ? "" : ", placed by content alone"}
        </p>
        <p>{described(row)}</p>
        {row.other ? (
          <p>
            Its place holds <code>{shown(row.other)}</code>.
          </p>
        ) : null}
      </section>
      <section>
        <h3>Stored as</h3>
        {row.stored.length ? (
          row.stored.map((each) => (
            <p key={each}>
              <bdi dir="ltr">
                <code>{shown(each)}</code>
              </bdi>
            </p>
          ))
        ) : (
          <p>Nothing.</p>
        )}
        <p>
          {row.dtype} {shape(row.shape)}
        </p>
      </section>
      {lost ? (
        <section class="numbers">
          <h3>What quantization cost</h3>
          {lost.residuals ? <Histogram data={lost.residuals} label="residuals" /> : null}
          <p>
            SQNR {lost.sqnr_db === null ? "not finite" : `${lost.sqnr_db.toFixed(1)} dB`}, largest
            error {measured(lost.largest_error) || "not finite"},{" "}
            {(100 * lost.saturated).toFixed(2)} % of codes at an end of their range.
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
          <section
            key={number}
            class={document === chosen.document ? "panel card on" : "panel card"}
            aria-label={shown(document.model)}
          >
            <h2>
              <button
                class="link"
                aria-pressed={document === chosen.document}
                onClick={() => (at.value = String(number))}
              >
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
