/** The page of one artifact. */
import { computed, signal, useComputed } from "@preact/signals";
import { setting } from "./address";
import { BITS, bitsWord, DTYPES, EVIDENCE, fillOf, KINDS, type Scale } from "./colours";
import { OTHER_COLUMNS, OTHER_FACETS, PARAMETER_FACETS, parameterColumns } from "./columns";
import { OtherDetail, ParameterDetail } from "./Detail";
import type { Parameter, Report } from "./documents";
import { Grid } from "./Grid";
import { ModelMap, zoomed } from "./ModelMap";
import { Pie } from "./Pie";
import { table } from "./rows";
import { Crumbs, Head, Legend, Shares, Switches, Tabs, Tile, VerdictLine, type Share, type Tab } from "./Shell";
import { bytes, countOf, human, percent, plain, shape, shown, whole } from "./text";
import { Toolbar } from "./Toolbar";
import { collapsed, treeOf, type Node } from "./tree";

const WORDS: Record<string, (row: Parameter) => string> = {
  kind: (row) => row.kind ?? "other",
  dtype: (row) => row.dtype ?? "?",
  evidence: (row) => row.evidence,
  bits: (row) => bitsWord(row.bits_per_weight),
};
const SCALES: Record<string, Scale> = { kind: KINDS, dtype: DTYPES, evidence: EVIDENCE, bits: BITS };
const ROLES: Record<string, string> = {
  buffer: "#5d5aa8", quantization: "#8a6a10", constant: "#66717d", opaque: "#ab3f86", parameter: "#31758a",
};
const LISTED = 3; // files in the head

/** All that the page of a report computes, once for each. */
export function storeOf(report: Report) {
  const rows = report.parameters;
  const settings = {
    zoom: setting("zoom"), map: setting("map", "treemap"), by: setting("by", "parameters"),
    colour: setting("colour", "kind"), stacks: setting("stacks", "1"), tab: setting("tab", "parameters"),
  };
  const tree = treeOf(rows.map((row) => row.name), report.model.name);
  const whole_ = computed(() => tree);
  const drawn = computed(() =>
    settings.stacks.value === "1" ? collapsed(tree, (at) => `${rows[at].shape} ${rows[at].dtype} ${rows[at].kind}`) : tree,
  );
  const within = computed(() => {
    if (!settings.zoom.value) return null;
    const way = zoomed(drawn.value, tree, settings.zoom.value);
    return way.length > 1 ? new Set(way[way.length - 1].rows) : null;
  });
  const hasStats = rows.some((row) => row.stats);
  const parameters = table({
    prefix: "", rows, nameOf: (row: Parameter) => row.name, columns: parameterColumns(report.totals.parameters, hasStats),
    facets: PARAMETER_FACETS, tree, within,
  });
  const others = table({ prefix: "o.", rows: report.others, nameOf: (row) => row.name, columns: OTHER_COLUMNS, facets: OTHER_FACETS });
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
    report, rows, settings, whole: whole_, drawn, parameters, others, valueOf, scale, fillOfRow, isShown, unit,
    pointed: signal(-1), wanted: signal(-1),
  };
}

export type Store = ReturnType<typeof storeOf>;

export function ReportPage({ store, isInner }: { store: Store; isInner?: boolean }) {
  const { report, settings } = store;
  const tabs: Tab[] = [
    { key: "parameters", title: "Parameters", count: report.parameters.length, body: () => <Parameters store={store} /> },
    { key: "others", title: "Other stored tensors", count: report.others.length, body: () => <Others store={store} /> },
    { key: "file", title: "Files and notes", count: report.model.files.length, body: () => <Files report={report} /> },
  ];
  return (
    <>
      <ReportHead report={report} isInner={isInner} />
      <section class="overview" aria-label="Overview">
        <div class="panel">
          <MapPanel store={store} />
        </div>
        <aside class="side">
          <section class="panel">
            <h2>By form</h2>
            <Pie report={report} />
          </section>
          <section class="panel">
            <h2>Where the bytes are</h2>
            <Shares label="Bytes of the files" shares={bytesOf(report)} />
          </section>
        </aside>
      </section>
      <Tabs tabs={tabs} at={settings.tab} label="Lists" />
    </>
  );
}

export function made(report: Report): string {
  const { producer_name, producer_version, ir_version, opsets } = report.model;
  if (!ir_version && !producer_name && !opsets.length) return "a checkpoint, without a graph";
  const by = [plain(producer_name) || "unknown producer", plain(producer_version)].join(" ").trim();
  const sets = opsets.map((each) => `${plain(each.domain)} ${each.version}`.trim()).join(", ");
  return `made by ${by}, IR ${ir_version}, opset ${sets}`;
}

function ReportHead({ report, isInner }: { report: Report; isInner?: boolean }) {
  const { totals, parameters, model } = report;
  const certain = parameters.filter((row) => row.certain).length;
  const unknown = parameters.filter((row) => row.evidence === "none").length;
  const inferred = parameters.length - certain - unknown;
  const inFile = model.files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
  const types = report.dtypes.map((each) => each.dtype);
  const names: Share[] = [
    { label: "certain", value: certain, fill: "var(--good)", text: whole(certain) },
    { label: "inferred", value: inferred, fill: "var(--warn)", text: whole(inferred) },
    { label: "unknown", value: unknown, fill: "var(--quiet)", text: whole(unknown) },
  ];
  const files = model.files.slice(0, LISTED).map((file) => shown(file.path).split("/").pop()).join(", ");
  const more = model.files.length > LISTED ? ` and ${model.files.length - LISTED} more files` : "";
  return (
    <>
      <Head kicker="onnx-params report" title={report.model.name} isInner={isInner}>
        <p class="about">{made(report)}{files ? ` · ${files}${more}` : ""}</p>
      </Head>
      <Verdict report={report} certain={certain} unknown={unknown} />
      <dl class="tiles">
        <Tile label="Parameters" value={human(totals.parameters)} note={stored(report)} />
        <Tile label="Tensors" value={whole(totals.layers)} note={`${countOf(report.others.length, "other")} stored beside`} />
        <Tile label="Bytes" value={bytes(totals.bytes)} note={inFile ? `${bytes(inFile)} in ${countOf(model.files.length, "file")}` : "no file at hand"} />
        <Tile
          label="Bits a weight" value={totals.bits_per_weight === null ? "-" : totals.bits_per_weight.toFixed(2)}
          note={types.slice(0, LISTED).map(plain).join(", ") + (types.length > LISTED ? ", …" : "")}
        />
        <Tile label="Names certain" value={parameters.length ? percent(certain, parameters.length) : "-"}>
          <span class="bar" aria-hidden="true">
            {names.filter((each) => each.value).map((each) => <i key={each.label} style={{ flexGrow: each.value, background: each.fill }} />)}
          </span>
          <span class="aside">{names.map((each) => `${each.text} ${each.label}`).join(", ")}</span>
        </Tile>
      </dl>
    </>
  );
}

function stored(report: Report): string {
  const { parameters, stored_parameters } = report.totals;
  return parameters === stored_parameters ? `${whole(parameters)}, all stored` : `${whole(parameters)}, ${human(stored_parameters)} stored`;
}

function Verdict({ report, certain, unknown }: { report: Report; certain: number; unknown: number }) {
  const rows = report.parameters;
  if (!rows.length) return <VerdictLine tone="warn">There are no parameters in this file.</VerdictLine>;
  const gone = rows.filter((row) => !row.bytes && row.count).length;
  const sentences = [sentenceOnNames(certain, rows.length)];
  if (unknown) sentences.push(`${whole(unknown)} ${unknown === 1 ? "has" : "have"} no name but the stored one.`);
  if (gone === 1) sentences.push("1 parameter has no bytes of its own: it was merged with an equal one, or dropped.");
  if (gone > 1) sentences.push(`${whole(gone)} parameters have no bytes of their own: merged with an equal one, or dropped.`);
  return <VerdictLine tone={certain === rows.length ? "good" : "warn"}>{sentences.join(" ")}</VerdictLine>;
}

function sentenceOnNames(certain: number, all: number): string {
  if (certain === all) return `All ${countOf(all, "name")} are certain: provable from the file or the reference.`;
  if (!certain) return `All ${countOf(all, "name")} are inferred, and marked with a question mark.`;
  return `${whole(certain)} of ${countOf(all, "name")} are certain; the rest is inferred, and marked with a question mark.`;
}

export function bytesOf(report: Report): Share[] {
  const found = new globalThis.Map<string, Share>();
  const add = (label: string, value: number, fill: string) => {
    const share = found.get(label) ?? { label, value: 0, fill, text: "" };
    share.value += value;
    share.text = bytes(share.value);
    found.set(label, share);
  };
  for (const row of report.parameters) add(row.dtype ?? "unknown type", row.bytes, fillOf(DTYPES, row.dtype ?? "?"));
  for (const other of report.others) add(other.role, other.bytes, ROLES[other.role] ?? "#66717d");
  const sorted = [...found.values()].sort((one, two) => two.value - one.value);
  const structure = report.model.files.reduce((sum, file) => sum + (file.structure_bytes ?? 0), 0);
  return [...sorted, { label: "structure", value: structure, fill: "var(--quiet)", text: bytes(structure) }];
}

function MapPanel({ store }: { store: Store }) {
  const { settings, report, parameters } = store;
  const isIcicle = useComputed(() => settings.map.value === "icicle");
  const about = (at: number) => {
    const row = store.rows[at];
    return `${shape(row.shape)} ${row.dtype ?? "?"} · ${row.kind ?? "other"} · ${row.view}`;
  };
  const open = (at: number) => {
    settings.tab.value = "parameters";
    parameters.opened.value = [...new Set([...parameters.opened.value.split(".").filter(Boolean), String(at)])].join(".");
    requestAnimationFrame(() => (store.wanted.value = at));
  };
  const word = WORDS[store.scale.value.key];
  const hasStacks = store.drawn.value !== store.whole.value && isCollapsed(store.drawn.value);
  return (
    <>
      <div class="controls">
        <Crumbs root={report.model.name} tree={store.drawn} whole={store.whole} zoom={settings.zoom} />
        <div class="choices">
          {hasStacks || settings.stacks.value !== "1" ? (
            <button
              class="fold-stacks" aria-pressed={settings.stacks.value === "1"} title="Draw numbered modules of one structure as one"
              onClick={() => (settings.stacks.value = settings.stacks.value === "1" ? "0" : "1")}
            >
              Repeated as one
            </button>
          ) : null}
          <Switches label="Map" of={[{ key: "treemap", title: "Treemap" }, { key: "icicle", title: "Icicle" }]} value={settings.map} />
          <Switches label="Area" of={[{ key: "parameters", title: "Parameters" }, { key: "bytes", title: "Bytes" }]} value={settings.by} />
          <label class="choice">
            <span class="spoken">Colour</span>
            <select value={settings.colour.value} onChange={(event) => (settings.colour.value = event.currentTarget.value)}>
              {Object.values(SCALES).map((each) => <option key={each.key} value={each.key}>{`Colour: ${each.title.toLowerCase()}`}</option>)}
            </select>
          </label>
        </div>
      </div>
      <ModelMap
        label={`Map of ${countOf(store.rows.length, "parameter")} by ${store.unit.value}`}
        tree={store.drawn} whole={store.whole} zoom={settings.zoom} isIcicle={isIcicle} valueOf={store.valueOf}
        fillOfRow={store.fillOfRow} isShown={store.isShown} pointed={store.pointed} unit={store.unit} about={about} onRow={open}
      />
      <Legend
        scale={store.scale.value} rows={store.rows.length} wordOf={(at) => word(store.rows[at])} valueOf={store.valueOf.value}
        chosen={parameters.facet(store.scale.value.key)}
      />
    </>
  );
}

function isCollapsed(node: Node): boolean {
  return node.times > 1 || node.children.some(isCollapsed);
}

function Parameters({ store }: { store: Store }) {
  const { report, parameters, settings } = store;
  const cells = (node: Node) => {
    let [count, size] = [0, 0];
    for (const at of node.rows) {
      count += store.rows[at].count ?? 0;
      size += store.rows[at].bytes;
    }
    const share = percent(count, report.totals.parameters);
    return { shape: countOf(node.rows.length, "tensor"), count: human(count), share: share.slice(0, -2), bytes: bytes(size) };
  };
  const fill = store.fillOfRow.value;
  return (
    <>
      <Toolbar table={parameters} label="Parameters" file={fileName(report)} />
      <Grid
        label="Parameters" table={parameters} groupCells={cells} pointed={store.pointed} wanted={store.wanted} zoom={settings.zoom}
        mark={(_, at) => <i class="dot" style={{ background: fill(at) }} />}
        detail={(row) => <ParameterDetail row={row} />}
      />
    </>
  );
}

export function fileName(report: Report): string {
  return report.model.name.replace(/[^\w.-]+/g, "_").slice(0, 60) || "model";
}

function Others({ store }: { store: Store }) {
  return (
    <>
      <Toolbar table={store.others} label="Other stored tensors" file={`${fileName(store.report)}-others`} />
      <Grid label="Stored tensors that are no parameters" table={store.others} detail={(row) => <OtherDetail row={row} />} />
    </>
  );
}

function Files({ report }: { report: Report }) {
  return (
    <div class="files">
      <table class="plain">
        <thead>
          <tr><th scope="col">File</th><th scope="col" class="right">Bytes</th><th scope="col" class="right">In tensors</th><th scope="col" class="right">Structure</th></tr>
        </thead>
        <tbody>
          {report.model.files.map((file) => (
            <tr key={file.path}>
              <td><bdi dir="ltr">{shown(file.path)}</bdi></td>
              <td class="right">{file.bytes === null ? "not there" : whole(file.bytes)}</td>
              <td class="right">{whole(file.tensor_bytes)}</td>
              <td class="right">{file.structure_bytes === null ? "" : whole(file.structure_bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {report.notes.length ? <ul class="notes">{report.notes.map((note) => <li key={note}>{shown(note)}</li>)}</ul> : <p class="quiet">There are no notes.</p>}
    </div>
  );
}
