/** The page of a comparison: two models side by side, and what became of each parameter. */
import { useComputed } from "@preact/signals";
import { countOfSide, rank, type Store } from "./compareStore";
import { RELATIONS, worstOf } from "./colours";
import type { Pair, Side, Whole } from "./documents";
import { Grid } from "./Grid";
import { ModelMap } from "./ModelMap";
import { openRow } from "./rows";
import { Crumbs, Head, Legend, StackSwitch, Switches, VerdictLine } from "./Shell";
import { bytes, countOf, human, measured, plain, sentence, shape, shown, whole } from "./text";
import { Toolbar } from "./Toolbar";
import { type Node } from "./tree";

const MAP_HEIGHT = 300; // pixels

const lastOf = (path: string): string => path.split(/[\\/]/).pop() || path;

export function ComparePage({ store }: { store: Store }) {
  const { document: made, settings, pairs } = store;
  const names = { a: made.a.name ?? lastOf(made.a.path), b: made.b.name ?? lastOf(made.b.path) };
  const tone = !made.differences.length
    ? "good"
    : made.pairs.some((pair) => rank(pair.relation) < 3)
      ? "bad"
      : "warn";
  const sum = (node: Node, side: "a" | "b") =>
    node.rows.reduce((all, at) => all + (store.rows[at][side]?.bytes ?? 0), 0);
  const cells = (node: Node) => ({
    relation: worstOf(
      RELATIONS,
      node.rows.map((at) => store.rows[at].relation),
    ),
    shape: countOf(node.rows.length, "tensor"),
    a: bytes(sum(node, "a")),
    b: bytes(sum(node, "b")),
  });
  return (
    <>
      <Head kicker="onnx-params comparison" title={`${names.a} → ${names.b}`}>
        <p class="about">
          A: {shown(made.a.path)} · B: {shown(made.b.path)}
        </p>
      </Head>
      <VerdictLine tone={tone}>
        {sentence(made.outcome ?? `differences: ${made.differences.join(", ")}`)}
      </VerdictLine>
      <Totals a={made.a} b={made.b} names={names} />
      <section class="panel" aria-label="Maps">
        <div class="controls">
          <Crumbs root="Both models" tree={store.drawn} whole={store.every} zoom={settings.zoom} />
          <div class="choices">
            <StackSwitch value={settings.stacks} />
            <Switches
              label="Area"
              of={[
                { key: "bytes", title: "Bytes" },
                { key: "parameters", title: "Parameters" },
              ]}
              value={settings.by}
            />
          </div>
        </div>
        <div class="pair">
          <SideMap store={store} side="a" name={names.a} total={made.a} />
          <SideMap store={store} side="b" name={names.b} total={made.b} />
        </div>
        <Legend
          scale={RELATIONS}
          rows={store.rows.length}
          wordOf={(at) => store.rows[at].relation}
          valueOf={(at) => Math.max(countOfSide(store.rows[at].a), countOfSide(store.rows[at].b))}
          chosen={pairs.facet("relation")}
        />
      </section>
      <h2 class="listed">
        Pairs <span class="count">{whole(store.rows.length)}</span>
      </h2>
      <Toolbar table={pairs} label="Pairs" file="comparison" />
      <Grid
        label="Pairs of tensors"
        table={pairs}
        groupCells={cells}
        pointed={store.pointed}
        wanted={store.wanted}
        zoom={settings.zoom}
        detail={(row) => <PairDetail pair={row} />}
      />
    </>
  );
}

function SideMap({
  store,
  side,
  name,
  total,
}: {
  store: Store;
  side: "a" | "b";
  name: string;
  total: Whole;
}) {
  const isIcicle = useComputed(() => false);
  const about = (at: number) => {
    const found = store.rows[at][side];
    return `${store.rows[at].relation}${found ? ` · ${shape(found.shape)} ${found.dtype ?? "?"}` : ""}`;
  };
  const open = (at: number) => openRow(store.pairs, store.wanted, at);
  return (
    <div>
      <h2>
        {side.toUpperCase()}: <bdi dir="ltr">{shown(name)}</bdi>, {bytes(total.bytes)}
      </h2>
      <ModelMap
        label={`Map of ${side.toUpperCase()} by ${store.unit.value}`}
        tree={store.drawn}
        whole={store.every}
        zoom={store.settings.zoom}
        isIcicle={isIcicle}
        valueOf={store.valueOf[side]}
        fillOfRow={store.fillOfRow}
        isShown={store.isShown}
        pointed={store.pointed}
        unit={store.unit}
        about={about}
        onRow={open}
        height={MAP_HEIGHT}
      />
    </div>
  );
}

function change(before: number, after: number): string {
  if (before === after) return "=";
  if (!before) return "new";
  const share = (100 * (after - before)) / before;
  return `${share > 0 ? "+" : ""}${share.toFixed(1)} %`;
}

function Totals({ a, b, names }: { a: Whole; b: Whole; names: { a: string; b: string } }) {
  const types = [...new Set([...Object.keys(a.bytes_by_dtype), ...Object.keys(b.bytes_by_dtype)])];
  const rows: [string, number, number, (value: number) => string][] = [
    ["Tensors", a.layers, b.layers, whole],
    ["Parameters", a.parameters, b.parameters, human],
    ["Bytes", a.bytes, b.bytes, bytes],
    ...types.map((each): [string, number, number, (value: number) => string] => [
      `of ${each}`,
      a.bytes_by_dtype[each] ?? 0,
      b.bytes_by_dtype[each] ?? 0,
      (value) => (value ? bytes(value) : "-"),
    ]),
  ];
  return (
    <table class="plain totals">
      <caption class="spoken">Totals</caption>
      <thead>
        <tr>
          <td />
          <th scope="col" class="right">
            A: {shown(names.a)}
          </th>
          <th scope="col" class="right">
            B: {shown(names.b)}
          </th>
          <th scope="col" class="right">
            Change
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([title, one, two, text]) => (
          <tr key={title}>
            <th scope="row">{plain(title)}</th>
            <td class="right">{text(one)}</td>
            <td class="right">{text(two)}</td>
            <td class={one === two ? "right quiet" : "right"}>{change(one, two)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function PairDetail({ pair }: { pair: Pair }) {
  return (
    <div class="facts">
      <section>
        <h3>Relation</h3>
        <p class="claim">
          <strong>{pair.relation}</strong>, paired by{" "}
          {pair.paired_by === "-" ? "nothing" : pair.paired_by}
        </p>
        {pair.how ? <p>{shown(pair.how)}</p> : null}
        {pair.largest === null ? null : (
          <p>
            Largest difference {measured(pair.largest)}
            {pair.relative === null
              ? ""
              : `, ${(100 * pair.relative).toFixed(2)} % of the largest number`}
            {pair.sqnr_db === null ? "" : `; SQNR ${pair.sqnr_db.toFixed(1)} dB`}.
          </p>
        )}
      </section>
      <SideFacts title="A" side={pair.a} />
      <SideFacts title="B" side={pair.b} />
    </div>
  );
}

function SideFacts({ title, side }: { title: string; side: Side | null }) {
  return (
    <section>
      <h3>{title}</h3>
      {side ? (
        <>
          <p>
            <bdi dir="ltr">
              <code>{shown(side.name)}</code>
            </bdi>
          </p>
          <p>
            {side.dtype ?? "?"} {shape(side.shape)}, {bytes(side.bytes)}, {side.view}
          </p>
          {side.stored.length ? (
            <p class="quiet">stored as {side.stored.map(shown).join(", ")}</p>
          ) : null}
        </>
      ) : (
        <p>No partner.</p>
      )}
    </section>
  );
}
