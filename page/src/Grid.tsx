/** A table of any length: only the lines that are seen are in the page. */
import { batch, useComputed, useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { folds, turnedFold, type Column, type Line, type Table } from "./rows";
import { plain, shown, whole } from "./text";
import { isPrinting } from "./theme";
import type { Node } from "./tree";

const ROW = 30; // pixels; style.css has the same
const SPARE = 8; // lines above and below what is seen
const LEAST_NAME = 190; // pixels of the column of names
const WIDE = 1000; // pixels of a table whose names have more
const LEAST_WIDE_NAME = 310;
const MAX_PRINTED = 4000; // lines: what is longer is a file for a machine
const LEAST_LINES = 16; // that are in the page, though the table may lie below the window
const MAX_KEPT = 600; // lines that were drawn
const INDENT = 14; // pixels a level

export interface GridProps<Row> {
  label: string;
  table: Table<Row>;
  groupCells?: (node: Node) => Record<string, string>;
  detail?: (row: Row) => ComponentChildren;
  mark?: (row: Row, at: number) => ComponentChildren;
  pointed?: Signal<number>;
  /** a row that is to be brought into view */
  wanted?: Signal<number>;
  zoom?: Signal<string>;
}

/** The columns that are chosen and fit. */
export function columnsOf<Row>(table: Table<Row>, width: number): Column<Row>[] {
  const words = table.chosen.value ? table.chosen.value.split(",") : null;
  const wanted = table.columns.filter((each) => (words ? words.includes(each.key) : each.isUsual));
  let room = width - (width > WIDE ? LEAST_WIDE_NAME : LEAST_NAME);
  const kept = new Set<Column<Row>>();
  for (const each of [...wanted].sort((one, two) => one.drop - two.drop)) {
    if (each.width > room) continue;
    kept.add(each);
    room -= each.width;
  }
  return wanted.filter((each) => kept.has(each));
}

export function Grid<Row>(props: GridProps<Row>) {
  const { table } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(900);
  const cursor = useSignal(0);
  const heights = useSignal<Readonly<Record<number, number>>>({});
  const seen = useSignal({ top: 0, bottom: 900 });
  const tops = useComputed(() => topsOf(table.lines.value, heights.value));
  const columns = useComputed(() => columnsOf(table, width.value));

  const top = useRef(0); // of the table in the document
  useLayoutEffect(() => {
    const element = box.current!;
    const scrolled = () => {
      const next = { top: scrollY - top.current - ROW, bottom: scrollY - top.current + innerHeight };
      const was = seen.value;
      if (next.top !== was.top || next.bottom !== was.bottom) seen.value = next;
    };
    // reading a place makes the browser lay the page out: not while it scrolls
    const measure = () => {
      top.current = element.getBoundingClientRect().top + scrollY;
      batch(() => {
        width.value = element.clientWidth;
        scrolled();
      });
    };
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    watch.observe(document.body);
    addEventListener("scroll", scrolled, { passive: true });
    addEventListener("resize", measure);
    return () => {
      watch.disconnect();
      removeEventListener("scroll", scrolled);
      removeEventListener("resize", measure);
    };
  }, []);

  const lines = table.lines.value;
  const reveal = (number: number, isFocused: boolean) => {
    const element = box.current!;
    const place = element.getBoundingClientRect().top + scrollY + ROW + tops.value[number];
    const [above, below] = [scrollY + 2 * ROW, scrollY + innerHeight - 2 * ROW];
    if (place < above || place > below) scrollTo({ top: place - innerHeight / 3 });
    cursor.value = number;
    if (!isFocused) return;
    requestAnimationFrame(() =>
      requestAnimationFrame(() => element.querySelector<HTMLElement>(`[data-line="${number}"]`)?.focus({ preventScroll: true })),
    );
  };
  useEffect(() => {
    const wanted = props.wanted?.value ?? -1;
    if (wanted < 0) return;
    const number = lines.findIndex((line) => line.kind === "row" && line.at === wanted);
    if (number >= 0) reveal(number, false);
    props.wanted!.value = -1;
  }, [props.wanted?.value]);

  const open = (at: number) => {
    const words = new Set(table.opened.value.split(".").filter(Boolean));
    if (!words.delete(String(at))) words.add(String(at));
    table.opened.value = [...words].join(".");
  };
  const fold = (path: string) => (table.folded.value = turnedFold(table.folded.value, path));
  const act = (line: Line) => {
    if (line.kind === "group") fold(line.node.path);
    else if (line.kind === "row" && props.detail) open(line.at);
  };
  const keys = (event: KeyboardEvent) => {
    const element = (event.target as HTMLElement).closest<HTMLElement>("[data-line]");
    if (!element || event.target !== element) return;
    const number = Number(element.dataset.line);
    const line = lines[number];
    const page = Math.max(1, Math.floor(innerHeight / ROW) - 4);
    const go = (to: number, step: number) => {
      let at = Math.max(0, Math.min(lines.length - 1, to));
      while (lines[at]?.kind === "detail") at += step;
      if (lines[at]) reveal(at, true);
    };
    const isOpen = line.kind === "group" && !folds(table.folded.value)(line.node.path);
    if (event.key === "ArrowDown") go(number + 1, 1);
    else if (event.key === "ArrowUp") go(number - 1, -1);
    else if (event.key === "PageDown") go(number + page, 1);
    else if (event.key === "PageUp") go(number - page, -1);
    else if (event.key === "Home") go(0, 1);
    else if (event.key === "End") go(lines.length - 1, -1);
    else if (event.key === "Enter" || event.key === " ") act(line);
    else if (event.key === "ArrowRight" && line.kind === "group") isOpen ? go(number + 1, 1) : fold(line.node.path);
    else if (event.key === "ArrowLeft" && isOpen && line.kind === "group") fold(line.node.path);
    else if (event.key === "ArrowLeft") go(parentOf(lines, number), -1);
    else return;
    event.preventDefault();
  };

  const printing = isPrinting.value;
  const first = printing ? 0 : lineAt(tops.value, seen.value.top - SPARE * ROW);
  const wanted = lineAt(tops.value, seen.value.bottom + SPARE * ROW) + 1;
  const last = Math.min(lines.length, printing ? MAX_PRINTED : Math.max(wanted, first + LEAST_LINES));
  const inPage = lines.slice(first, last);
  const isCursorSeen = cursor.value >= first && cursor.value < last;
  const withTab = isCursorSeen ? cursor.value : first + inPage.findIndex((line) => line.kind !== "detail");
  const style = { gridTemplateColumns: ["minmax(0, 1fr)", ...columns.value.map((each) => `${each.width}px`)].join(" ") };
  const height = printing ? "auto" : `${tops.value[lines.length]}px`;
  const isFolded = folds(table.folded.value);
  const draw = (line: Line, at: number) => {
    const place = printing ? undefined : { top: `${tops.value[at]}px` };
    const common = { "data-line": at, tabIndex: at === withTab ? 0 : -1, onFocus: () => (cursor.value = at) };
    if (line.kind === "detail") {
      return (
        <Detail key={`d${line.at}`} at={line.at} index={at + 2} span={columns.value.length + 1} place={place} heights={heights}>
          {props.detail!(table.rows[line.at])}
        </Detail>
      );
    }
    if (line.kind === "group") {
      const cells = props.groupCells?.(line.node) ?? {};
      return (
        <div
          key={`g${line.node.path}`} role="row" class="line group" aria-rowindex={at + 2} aria-level={line.depth + 1}
          aria-expanded={!isFolded(line.node.path)} style={{ ...style, ...place }} {...common} onClick={() => act(line)}
        >
          <Group line={line} isFolded={isFolded(line.node.path)} zoom={props.zoom} />
          {columns.value.map((each) => (
            <span key={each.key} role="gridcell" class={each.isRight ? "right" : ""}>{cells[each.key] ?? ""}</span>
          ))}
        </div>
      );
    }
    const row = table.rows[line.at];
    const isOpen = lines[at + 1]?.kind === "detail";
    return (
      <div
        key={line.at} role="row" class={isOpen ? "line row open" : "line row"} aria-rowindex={at + 2} aria-level={line.depth + 1}
        aria-expanded={props.detail ? isOpen : undefined} style={{ ...style, ...place }} {...common} onClick={() => act(line)}
        onMouseEnter={() => props.pointed && (props.pointed.value = line.at)}
      >
        <Name row={row} table={table} line={line} mark={props.mark} />
        {columns.value.map((each) => (
          <span key={each.key} role="gridcell" class={each.isRight ? "right" : ""}>
            {each.cell ? each.cell(row, line.at) : each.text(row)}
          </span>
        ))}
      </div>
    );
  };
  // lines that were drawn and did not change are handed over as they are: scrolling draws new ones only
  const drawn = useRef<{ of: unknown[]; lines: globalThis.Map<string, ReturnType<typeof draw>> }>({ of: [], lines: new globalThis.Map() });
  const of = [props, lines, columns.value, tops.value, printing, table.folded.value];
  if (of.some((each, at) => each !== drawn.current.of[at])) drawn.current = { of, lines: new globalThis.Map() };
  const kept = drawn.current.lines;
  if (kept.size > MAX_KEPT) kept.clear();
  const line = (each: Line, at: number) => {
    const key = `${at}${at === withTab ? "t" : ""}`;
    const found = kept.get(key) ?? draw(each, at);
    kept.set(key, found);
    return found;
  };
  return (
    <div class={printing ? "grid printed" : "grid"} ref={box}>
    <div
      role="treegrid"
      aria-label={props.label}
      aria-rowcount={lines.length + 1}
      aria-colcount={columns.value.length + 1}
      onKeyDown={keys}
      onMouseLeave={() => props.pointed && (props.pointed.value = -1)}
    >
      <div role="rowgroup" class="heads">
        <div role="row" aria-rowindex={1} class="line head" style={style}>
          <Title table={table} name="name" title="Name" />
          {columns.value.map((each) => (
            <Title key={each.key} table={table} name={each.key} title={each.title} isRight={each.isRight} />
          ))}
        </div>
      </div>
      <div role="rowgroup" class="body" style={{ height }}>
        {inPage.map((each, number) => line(each, first + number))}
      </div>
    </div>
      {printing && lines.length > MAX_PRINTED ? <p class="empty">and {whole(lines.length - MAX_PRINTED)} more lines</p> : null}
      {lines.length ? null : <Nothing table={table} zoom={props.zoom} />}
    </div>
  );
}

function Nothing<Row>({ table, zoom }: { table: Table<Row>; zoom?: Signal<string> }) {
  if (!table.rows.length) return <p class="empty">There is nothing to list.</p>;
  const clear = () =>
    batch(() => {
      table.text.value = "";
      table.facets.forEach((each) => (table.facet(each.key).value = ""));
      if (zoom) zoom.value = "";
    });
  return (
    <p class="empty">
      No row passes the filter. <button class="link" onClick={clear}>Show all {whole(table.rows.length)}</button>
    </p>
  );
}

function Title<Row>({ table, name, title, isRight }: { table: Table<Row>; name: string; title: string; isRight?: boolean }) {
  const sort = table.sort.value;
  const isUp = sort === name;
  const isDown = sort === `-${name}`;
  const startsDown = isRight; // numbers: the largest first
  const next = isUp ? (startsDown ? "" : `-${name}`) : isDown ? (startsDown ? name : "") : startsDown ? `-${name}` : name;
  return (
    <span role="columnheader" class={isRight ? "right" : ""} aria-sort={isUp ? "ascending" : isDown ? "descending" : "none"}>
      <button onClick={() => (table.sort.value = next)}>
        {title}
        <i aria-hidden="true">{isUp ? "▲" : isDown ? "▼" : ""}</i>
      </button>
    </span>
  );
}

function Group({ line, isFolded, zoom }: { line: Line & { kind: "group" }; isFolded: boolean; zoom?: Signal<string> }) {
  return (
    <span role="gridcell" class="name" style={{ paddingLeft: `${10 + line.depth * INDENT}px` }}>
      <i class={isFolded ? "fold shut" : "fold"} aria-hidden="true" />
      <bdi dir="ltr">
        {line.prefix ? <span class="path">{plain(line.node.path.slice(0, line.prefix)).slice(-MAX_NAME)}</span> : null}
        <span class="tail">{plain(line.node.path.slice(line.prefix, line.prefix + MAX_NAME))}</span>
      </bdi>
      {zoom ? (
        <button
          class="enter" tabIndex={-1} title="Show this module alone" aria-label={`Show ${shown(line.node.path)} alone`}
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

interface NameProps<Row> {
  row: Row;
  table: Table<Row>;
  line: Line & { kind: "row" };
  mark?: (row: Row, at: number) => ComponentChildren;
}

const MAX_NAME = 300; // characters in a cell

function Name<Row>({ row, table, line, mark }: NameProps<Row>) {
  const name = table.nameOf(row);
  const head = plain(name.slice(0, line.prefix)).slice(-MAX_NAME);
  const tail = plain(name.slice(line.prefix, line.prefix + MAX_NAME));
  return (
    <span role="gridcell" class="name" style={{ paddingLeft: `${10 + line.depth * INDENT}px` }}>
      {mark?.(row, line.at)}
      <bdi dir="ltr">
        {head ? <span class="path">{head}</span> : null}
        <span class="tail">{tail ? tail + (name.length > line.prefix + MAX_NAME ? "…" : "") : <em>no name</em>}</span>
      </bdi>
    </span>
  );
}

interface DetailProps {
  at: number;
  index: number;
  span: number;
  place?: { top: string };
  heights: Signal<Readonly<Record<number, number>>>;
  children: ComponentChildren;
}

function Detail({ at, index, span, place, heights, children }: DetailProps) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => {
      const height = Math.ceil(element.current!.offsetHeight);
      if (height && heights.value[at] !== height) heights.value = { ...heights.value, [at]: height };
    });
    watch.observe(element.current!);
    return () => watch.disconnect();
  }, []);
  return (
    <div role="row" class="detail" aria-rowindex={index} ref={element} style={place}>
      <div role="gridcell" aria-colspan={span}>{children}</div>
    </div>
  );
}

function topsOf(lines: readonly Line[], heights: Readonly<Record<number, number>>): Float64Array {
  const tops = new Float64Array(lines.length + 1);
  lines.forEach((line, at) => {
    tops[at + 1] = tops[at] + (line.kind === "detail" ? (heights[line.at] ?? 120) : ROW);
  });
  return tops;
}

/** The line at a height, by halving. */
function lineAt(tops: Float64Array, height: number): number {
  let [low, high] = [0, tops.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}

function parentOf(lines: readonly Line[], number: number): number {
  const depth = (line: Line) => (line.kind === "detail" ? Infinity : line.depth);
  const own = depth(lines[number]);
  for (let at = number - 1; at >= 0; at--) if (lines[at].kind === "group" && depth(lines[at]) < own) return at;
  return number;
}

/** The lines of a table as text, with the columns that are shown. */
export function texts<Row>(table: Table<Row>, columns: readonly Column<Row>[]): {
  titles: string[]; right: boolean[]; cells: string[][]; values: (string | number)[][];
} {
  const rows = table.shown.value.map((at) => table.rows[at]);
  return {
    titles: ["Name", ...columns.map((each) => each.title)],
    right: [false, ...columns.map((each) => each.isRight ?? false)],
    cells: rows.map((row) => [table.nameOf(row), ...columns.map((each) => each.text(row))]),
    values: rows.map((row) => [
      table.nameOf(row),
      ...columns.map((each) => (each.value ? (each.value(row) ?? "") : each.text(row))),
    ]),
  };
}

export type { ReadonlySignal };
