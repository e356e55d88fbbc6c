/** The parts of a table: titles, lines of modules, names, what is below a row. */
import { batch, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Line, Table } from "./rows";
import { plain, shown, whole } from "./text";

const INDENT = 14; // pixels a level
const MAX_NAME = 300; // characters in a cell

export function Nothing<Row>({ table, zoom }: { table: Table<Row>; zoom?: Signal<string> }) {
  if (!table.rows.length) return <p class="empty">There is nothing to list.</p>;
  const clear = () =>
    batch(() => {
      table.text.value = "";
      table.facets.forEach((each) => (table.facet(each.key).value = ""));
      if (zoom) zoom.value = "";
    });
  return (
    <p class="empty">
      No row passes the filter.{" "}
      <button class="link" onClick={clear}>
        Show all {whole(table.rows.length)}
      </button>
    </p>
  );
}

/** What a click makes of an order: numbers go down first, then up, then all is as it was. */
function nextSort(sort: string, name: string, isNumber: boolean): string {
  const orders = isNumber ? ["", `-${name}`, name] : ["", name, `-${name}`];
  return orders[(Math.max(0, orders.indexOf(sort)) + 1) % orders.length];
}

export function Title<Row>({
  table,
  name,
  title,
  isRight,
}: {
  table: Table<Row>;
  name: string;
  title: string;
  isRight?: boolean;
}) {
  const sort = table.sort.value;
  const isUp = sort === name;
  const isDown = sort === `-${name}`;
  const next = nextSort(sort, name, isRight ?? false);
  return (
    <span
      role="columnheader"
      class={isRight ? "right" : ""}
      aria-sort={isUp ? "ascending" : isDown ? "descending" : "none"}
    >
      <button onClick={() => (table.sort.value = next)}>
        {title}
        <i aria-hidden="true">{isUp ? "▲" : isDown ? "▼" : ""}</i>
      </button>
    </span>
  );
}

export function Group({
  line,
  isFolded,
  zoom,
}: {
  line: Line & { kind: "group" };
  isFolded: boolean;
  zoom?: Signal<string>;
}) {
  return (
    <span role="gridcell" class="name" style={{ paddingLeft: `${10 + line.depth * INDENT}px` }}>
      <i class={isFolded ? "fold shut" : "fold"} aria-hidden="true" />
      <bdi dir="ltr">
        {line.prefix ? (
          <span class="path">{plain(line.node.path.slice(0, line.prefix)).slice(-MAX_NAME)}</span>
        ) : null}
        <span class="tail">{plain(line.node.path.slice(line.prefix, line.prefix + MAX_NAME))}</span>
      </bdi>
      {zoom ? (
        <button
          class="enter"
          tabIndex={-1}
          title="Show this module alone"
          aria-label={`Show ${shown(line.node.path)} alone`}
          onClick={(event) => {
            event.stopPropagation();
            zoom.value = line.node.path;
          }}
        >
          <i aria-hidden="true">⌕</i>
        </button>
      ) : null}
    </span>
  );
}

export interface NameProps<Row> {
  row: Row;
  table: Table<Row>;
  line: Line & { kind: "row" };
  mark?: (row: Row, at: number) => ComponentChildren;
}

export function Name<Row>({ row, table, line, mark }: NameProps<Row>) {
  const name = table.nameOf(row);
  const head = plain(name.slice(0, line.prefix)).slice(-MAX_NAME);
  const tail = plain(name.slice(line.prefix, line.prefix + MAX_NAME));
  return (
    <span role="gridcell" class="name" style={{ paddingLeft: `${10 + line.depth * INDENT}px` }}>
      {mark?.(row, line.at)}
      <bdi dir="ltr">
        {head ? <span class="path">{head}</span> : null}
        <span class="tail">
          {tail ? tail + (name.length > line.prefix + MAX_NAME ? "…" : "") : <em>no name</em>}
        </span>
      </bdi>
    </span>
  );
}

export interface DetailProps {
  at: number;
  index: number;
  span: number;
  place?: { top: string };
  heights: Signal<Readonly<Record<number, number>>>;
  children: ComponentChildren;
}

export function Detail({ at, index, span, place, heights, children }: DetailProps) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => {
      const height = Math.ceil(element.current!.offsetHeight);
      if (height && heights.value[at] !== height)
        heights.value = { ...heights.value, [at]: height };
    });
    watch.observe(element.current!);
    return () => watch.disconnect();
  }, []);
  return (
    <div role="row" class="detail" aria-rowindex={index} ref={element} style={place}>
      <div role="gridcell" aria-colspan={span}>
        {children}
      </div>
    </div>
  );
}
