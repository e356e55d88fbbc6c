/** A table of any length: only the lines that are seen are in the page. */
import { batch, useComputed, useSignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { Detail, Group, Name, Nothing, Title } from "./GridParts";
import { columnsOf, lineAt, parentOf, ROW, topsOf } from "./lines";
import { folds, turnedFold, type Line, type Table } from "./rows";
import { whole } from "./text";
import { isPrinting } from "./theme";
import type { Node } from "./tree";

const SPARE = 6; // lines above and below what is seen

const MAX_PRINTED = 4000; // lines: what is longer is a file for a machine
const LEAST_LINES = 16; // that are in the page, though the table may lie below the window
const MAX_KEPT = 600; // lines that were drawn

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
      const next = {
        top: scrollY - top.current - ROW,
        bottom: scrollY - top.current + innerHeight,
      };
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
      requestAnimationFrame(() =>
        element
          .querySelector<HTMLElement>(`[data-line="${number}"]`)
          ?.focus({ preventScroll: true }),
      ),
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
  const point = (line: Line) => {
    if (props.pointed) props.pointed.value = line.kind === "row" ? line.at : -1;
  };
  // one listener for all lines: while the table scrolls, lines come and go many times a second
  const withLine = (event: Event, use: (line: Line, at: number) => void) => {
    const element = (event.target as HTMLElement).closest<HTMLElement>("[data-line]");
    const at = Number(element?.dataset.line);
    if (element && lines[at]) use(lines[at], at);
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
    else if (event.key === "ArrowRight" && line.kind === "group")
      isOpen ? go(number + 1, 1) : fold(line.node.path);
    else if (event.key === "ArrowLeft" && isOpen && line.kind === "group") fold(line.node.path);
    else if (event.key === "ArrowLeft") go(parentOf(lines, number), -1);
    else return;
    event.preventDefault();
  };

  const printing = isPrinting.value;
  const first = printing ? 0 : lineAt(tops.value, seen.value.top - SPARE * ROW);
  const wanted = lineAt(tops.value, seen.value.bottom + SPARE * ROW) + 1;
  const last = Math.min(
    lines.length,
    printing ? MAX_PRINTED : Math.max(wanted, first + LEAST_LINES),
  );
  const inPage = lines.slice(first, last);
  const isCursorSeen = cursor.value >= first && cursor.value < last;
  const withTab = isCursorSeen
    ? cursor.value
    : first + inPage.findIndex((line) => line.kind !== "detail");
  const style = {
    gridTemplateColumns: ["minmax(0, 1fr)", ...columns.value.map((each) => `${each.width}px`)].join(
      " ",
    ),
  };
  const height = printing ? "auto" : `${tops.value[lines.length]}px`;
  const isFolded = folds(table.folded.value);
  const draw = (line: Line, at: number) => {
    const place = printing ? undefined : { top: `${tops.value[at]}px` };
    const common = {
      "data-line": at,
      tabIndex: at === withTab ? 0 : -1,
    };
    if (line.kind === "detail") {
      return (
        <Detail
          key={`d${line.at}`}
          at={line.at}
          index={at + 2}
          span={columns.value.length + 1}
          place={place}
          heights={heights}
        >
          {props.detail!(table.rows[line.at])}
        </Detail>
      );
    }
    if (line.kind === "group") {
      const cells = props.groupCells?.(line.node) ?? {};
      return (
        <div
          key={`g${line.node.path}`}
          role="row"
          class="line group"
          aria-rowindex={at + 2}
          aria-level={line.depth + 1}
          aria-expanded={!isFolded(line.node.path)}
          style={{ ...style, ...place }}
          {...common}
        >
          <Group line={line} isFolded={isFolded(line.node.path)} zoom={props.zoom} />
          {columns.value.map((each) => (
            <span key={each.key} role="gridcell" class={each.isRight ? "right" : ""}>
              {cells[each.key] ?? ""}
            </span>
          ))}
        </div>
      );
    }
    const row = table.rows[line.at];
    const isOpen = lines[at + 1]?.kind === "detail";
    return (
      <div
        key={line.at}
        role="row"
        class={isOpen ? "line row open" : "line row"}
        aria-rowindex={at + 2}
        aria-level={line.depth + 1}
        aria-expanded={props.detail ? isOpen : undefined}
        style={{ ...style, ...place }}
        {...common}
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
  const drawn = useRef<{ of: unknown[]; lines: globalThis.Map<string, ReturnType<typeof draw>> }>({
    of: [],
    lines: new globalThis.Map(),
  });
  const of = [props, lines, columns.value, tops.value, printing, table.folded.value];
  if (of.some((each, at) => each !== drawn.current.of[at]))
    drawn.current = { of, lines: new globalThis.Map() };
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
        onClick={(event) => withLine(event, act)}
        onFocusIn={(event) => withLine(event, (_, at) => (cursor.value = at))}
        onMouseOver={(event) => withLine(event, point)}
        onMouseLeave={() => props.pointed && (props.pointed.value = -1)}
      >
        <div role="rowgroup" class="heads">
          <div role="row" aria-rowindex={1} class="line head" style={style}>
            <Title table={table} name="name" title="Name" />
            {columns.value.map((each) => (
              <Title
                key={each.key}
                table={table}
                name={each.key}
                title={each.title}
                isRight={each.isRight}
              />
            ))}
          </div>
        </div>
        <div role="rowgroup" class="body" style={{ height }}>
          {inPage.map((each, number) => line(each, first + number))}
        </div>
      </div>
      {printing && lines.length > MAX_PRINTED ? (
        <p class="empty">and {whole(lines.length - MAX_PRINTED)} more lines</p>
      ) : null}
      {lines.length ? null : <Nothing table={table} zoom={props.zoom} />}
    </div>
  );
}
