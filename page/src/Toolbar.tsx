/** What stands over a table: filter, facets, columns, copies. */
import { batch, useSignal } from "@preact/signals";
import { columnsOf, texts } from "./lines";
import type { Facet, Table } from "./rows";
import { csv, markdown, plain, whole } from "./text";

export function Toolbar<Row>({
  table,
  label,
  file,
}: {
  table: Table<Row>;
  label: string;
  file: string;
}) {
  const said = useSignal("");
  const say = (text: string) => {
    said.value = text;
    setTimeout(() => (said.value = ""), 2500);
  };
  const columns = () => columnsOf(table, 1e6);
  const copied = async (text: string, what: string) =>
    say((await copy(text)) ? `${what} copied` : "The browser does not let pages copy");
  const asMarkdown = () => {
    const made = texts(table, columns());
    void copied(markdown(made.titles, made.right, made.cells), "Markdown");
  };
  const sheet = () => {
    const made = texts(table, columns());
    return csv(made.titles, made.values);
  };
  const [n, all] = [table.shown.value.length, table.rows.length];
  const isFiltered = n !== all;
  return (
    <div class="toolbar" role="search" aria-label={label}>
      <label class="find">
        <span class="spoken">Filter by name</span>
        <input
          type="search"
          placeholder="Filter: text or glob, *.attn.*"
          spellcheck={false}
          autocomplete="off"
          value={table.text.value}
          onInput={(event) => (table.text.value = event.currentTarget.value)}
        />
      </label>
      <details class="facets" open>
        <summary>Filters</summary>
        <div>
          {table.facets.map((each) => (
            <Choice key={each.key} table={table} facet={each} />
          ))}
        </div>
      </details>
      <span class="number" role="status">
        {isFiltered ? `${whole(n)} of ${whole(all)}` : `${whole(all)} rows`}
      </span>
      <span class="tools">
        {table.sort.value ? (
          <button onClick={() => (table.sort.value = "")}>Original order</button>
        ) : (
          <Folding table={table} />
        )}
        <Columns table={table} />
        <details class="menu">
          <summary>Copy</summary>
          <div>
            <button onClick={asMarkdown}>Copy as Markdown</button>
            <button onClick={() => void copied(sheet(), "CSV")}>Copy as CSV</button>
            <button onClick={() => save(`${file}.csv`, sheet())}>Save as CSV</button>
          </div>
        </details>
      </span>
      <span class="spoken" role="status">
        {said.value}
      </span>
      {said.value ? (
        <span class="toast" aria-hidden="true">
          {said.value}
        </span>
      ) : null}
    </div>
  );
}

function Choice<Row>({ table, facet }: { table: Table<Row>; facet: Facet<Row> }) {
  const value = table.facet(facet.key);
  const counts = new globalThis.Map<string, number>();
  for (const row of table.rows) counts.set(facet.of(row), (counts.get(facet.of(row)) ?? 0) + 1);
  if (counts.size < 2 && !value.value) return null;
  const listed = [...counts].sort((one, two) => two[1] - one[1]);
  return (
    <label class={value.value ? "choice on" : "choice"}>
      <span class="spoken">{facet.title}</span>
      <select value={value.value} onChange={(event) => (value.value = event.currentTarget.value)}>
        <option value="">{facet.title}</option>
        {listed.map(([each, count]) => (
          <option key={each} value={each}>{`${plain(each).slice(0, 60)} (${whole(count)})`}</option>
        ))}
      </select>
    </label>
  );
}

function Folding<Row>({ table }: { table: Table<Row> }) {
  if (!table.lines.value.some((line) => line.kind === "group") && table.isGrouped.value === "1")
    return null;
  const isAll = table.folded.value === "*";
  return (
    <>
      <button
        aria-pressed={table.isGrouped.value === "1"}
        onClick={() => (table.isGrouped.value = table.isGrouped.value === "1" ? "0" : "1")}
      >
        Modules
      </button>
      {table.isGrouped.value === "1" ? (
        <button onClick={() => (table.folded.value = isAll ? "" : "*")}>
          {isAll ? "Unfold all" : "Fold all"}
        </button>
      ) : null}
    </>
  );
}

function Columns<Row>({ table }: { table: Table<Row> }) {
  const now = table.chosen.value
    ? table.chosen.value.split(",")
    : table.columns.filter((each) => each.isUsual).map((each) => each.key);
  const turn = (key: string) => {
    const next = now.includes(key) ? now.filter((each) => each !== key) : [...now, key];
    table.chosen.value =
      table.columns
        .filter((each) => next.includes(each.key))
        .map((each) => each.key)
        .join(",") || "none";
  };
  return (
    <details class="menu">
      <summary>Columns</summary>
      <div>
        {table.columns.map((each) => (
          <label key={each.key}>
            <input
              type="checkbox"
              checked={now.includes(each.key)}
              onChange={() => turn(each.key)}
            />{" "}
            {each.title}
          </label>
        ))}
        <button onClick={() => batch(() => (table.chosen.value = ""))}>Usual columns</button>
      </div>
    </details>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

function copiedByHand(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
