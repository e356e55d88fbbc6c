/** The page of one artifact. */
import { useComputed } from "@preact/signals";
import { ReportHead } from "./ReportHead";
import { SCALES, WORDS, type Store } from "./reportStore";
import { DTYPES, fillOf } from "./colours";
import { OtherDetail, ParameterDetail } from "./Detail";
import type { Report } from "./documents";
import { Grid } from "./Grid";
import { ModelMap } from "./ModelMap";
import { Pie } from "./Pie";
import { openRow } from "./rows";
import { Crumbs, Legend, Shares, StackSwitch, Switches, Tabs, type Share, type Tab } from "./Shell";
import { bytes, countOf, human, percent, shape, shown, whole } from "./text";
import { Toolbar } from "./Toolbar";
import { type Node } from "./tree";

const ROLES: Record<string, string> = {
  buffer: "#5d5aa8",
  quantization: "#8a6a10",
  constant: "#66717d",
  opaque: "#ab3f86",
  parameter: "#31758a",
};

export function ReportPage({ store, isInner }: { store: Store; isInner?: boolean }) {
  const { report, settings } = store;
  const tabs: Tab[] = [
    {
      key: "parameters",
      title: "Parameters",
      count: report.parameters.length,
      body: () => <Parameters store={store} />,
    },
    {
      key: "others",
      title: "Other stored tensors",
      count: report.others.length,
      body: () => <Others store={store} />,
    },
    {
      key: "file",
      title: "Files and notes",
      count: report.model.files.length,
      body: () => <Files report={report} />,
    },
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

export function bytesOf(report: Report): Share[] {
  const found = new globalThis.Map<string, Share>();
  const add = (label: string, value: number, fill: string) => {
    const share = found.get(label) ?? { label, value: 0, fill, text: "" };
    share.value += value;
    share.text = bytes(share.value);
    found.set(label, share);
  };
  for (const row of report.parameters)
    add(row.dtype ?? "unknown type", row.bytes, fillOf(DTYPES, row.dtype ?? "?"));
  for (const other of report.others) add(other.role, other.bytes, ROLES[other.role] ?? "#66717d");
  const sorted = [...found.values()].sort((one, two) => two.value - one.value);
  const structure = report.model.files.reduce((sum, file) => sum + (file.structure_bytes ?? 0), 0);
  return [
    ...sorted,
    { label: "structure", value: structure, fill: "var(--quiet)", text: bytes(structure) },
  ];
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
    openRow(parameters, store.wanted, at);
  };
  const word = WORDS[store.scale.value.key];
  const hasStacks = store.drawn.value !== store.whole.value && isCollapsed(store.drawn.value);
  return (
    <>
      <div class="controls">
        <Crumbs
          root={report.model.name}
          tree={store.drawn}
          whole={store.whole}
          zoom={settings.zoom}
        />
        <div class="choices">
          {hasStacks || settings.stacks.value !== "1" ? (
            <StackSwitch value={settings.stacks} />
          ) : null}
          <Switches
            label="Map"
            of={[
              { key: "treemap", title: "Treemap" },
              { key: "icicle", title: "Icicle" },
            ]}
            value={settings.map}
          />
          <Switches
            label="Area"
            of={[
              { key: "parameters", title: "Parameters" },
              { key: "bytes", title: "Bytes" },
            ]}
            value={settings.by}
          />
          <label class="choice">
            <span class="spoken">Colour</span>
            <select
              value={settings.colour.value}
              onChange={(event) => (settings.colour.value = event.currentTarget.value)}
            >
              {Object.values(SCALES).map((each) => (
                <option
                  key={each.key}
                  value={each.key}
                >{`Colour: ${each.title.toLowerCase()}`}</option>
              ))}
            </select>
          </label>
        </div>
      </div>
      <ModelMap
        label={`Map of ${countOf(store.rows.length, "parameter")} by ${store.unit.value}`}
        tree={store.drawn}
        whole={store.whole}
        zoom={settings.zoom}
        isIcicle={isIcicle}
        valueOf={store.valueOf}
        fillOfRow={store.fillOfRow}
        isShown={store.isShown}
        pointed={store.pointed}
        unit={store.unit}
        about={about}
        onRow={open}
      />
      <Legend
        scale={store.scale.value}
        rows={store.rows.length}
        wordOf={(at) => word(store.rows[at])}
        valueOf={store.valueOf.value}
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
    return {
      shape: countOf(node.rows.length, "tensor"),
      count: human(count),
      share: share.slice(0, -2),
      bytes: bytes(size),
    };
  };
  const fill = store.fillOfRow.value;
  return (
    <>
      <Toolbar table={parameters} label="Parameters" file={fileName(report)} />
      <Grid
        label="Parameters"
        table={parameters}
        groupCells={cells}
        pointed={store.pointed}
        wanted={store.wanted}
        zoom={settings.zoom}
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
      <Toolbar
        table={store.others}
        label="Other stored tensors"
        file={`${fileName(store.report)}-others`}
      />
      <Grid
        label="Stored tensors that are no parameters"
        table={store.others}
        detail={(row) => <OtherDetail row={row} />}
      />
    </>
  );
}

function Files({ report }: { report: Report }) {
  return (
    <div class="files">
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col" class="right">
              Bytes
            </th>
            <th scope="col" class="right">
              In tensors
            </th>
            <th scope="col" class="right">
              Structure
            </th>
          </tr>
        </thead>
        <tbody>
          {report.model.files.map((file) => (
            <tr key={file.path}>
              <td>
                <bdi dir="ltr">{shown(file.path)}</bdi>
              </td>
              <td class="right">{file.bytes === null ? "not there" : whole(file.bytes)}</td>
              <td class="right">{whole(file.tensor_bytes)}</td>
              <td class="right">
                {file.structure_bytes === null ? "" : whole(file.structure_bytes)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {report.notes.length ? (
        <ul class="notes">
          {report.notes.map((note) => (
            <li key={note}>{shown(note)}</li>
          ))}
        </ul>
      ) : (
        <p class="quiet">There are no notes.</p>
      )}
    </div>
  );
}
