/** What every page has: the head, tiles, legends, tabs. */
import { useComputed, type ReadonlySignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { fillOf, ordered, type Scale } from "./colours";
import { percent, plain, shown, whole } from "./text";
import { isDark, isPrinting, turn } from "./theme";
import { zoomed } from "./ModelMap";
import type { Node } from "./tree";

export interface HeadProps {
  kicker: string;
  title: string;
  /** whether it stands below the head of the page */
  isInner?: boolean;
  children?: ComponentChildren;
}

export function Head({ kicker, title, isInner, children }: HeadProps) {
  const name = <bdi dir="ltr">{shown(title)}</bdi>;
  if (isInner) {
    return (
      <header class="top">
        <div>
          <h2 class="title">{name}</h2>
          {children}
        </div>
      </header>
    );
  }
  return (
    <header class="top">
      <div>
        <p class="kicker">{kicker}</p>
        <h1>{name}</h1>
        {children}
      </div>
      <button
        class="theme"
        onClick={turn}
        title="Light or dark"
        aria-label={isDark.value ? "Use light colours" : "Use dark colours"}
      >
        <i aria-hidden="true">{isDark.value ? "☀" : "☾"}</i>
      </button>
    </header>
  );
}

export type Tone = "good" | "warn" | "bad";

export function VerdictLine({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  const sign = { good: "✓", warn: "!", bad: "✕" }[tone];
  return (
    <p class={`verdict ${tone}`}>
      <i aria-hidden="true">{sign}</i>
      <span>{children}</span>
    </p>
  );
}

export function Tile({
  label,
  value,
  note,
  children,
}: {
  label: string;
  value: string;
  note?: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="tile">
      <dt>{label}</dt>
      <dd>
        <strong>{value}</strong>
        {note ? <span class="aside">{note}</span> : null}
        {children}
      </dd>
    </div>
  );
}

export interface Share {
  label: string;
  value: number;
  fill: string;
  text: string;
}

/** One bar in parts, with a list that says what they are. */
export function Shares({ label, shares }: { label: string; shares: Share[] }) {
  const all = shares.reduce((sum, each) => sum + each.value, 0);
  const parts = shares.filter((each) => each.value > 0);
  return (
    <figure class="shares" aria-label={label}>
      <div class="bar" aria-hidden="true">
        {parts.map((each) => (
          <i key={each.label} style={{ flexGrow: each.value, background: each.fill }} />
        ))}
      </div>
      <table>
        <caption class="spoken">{label}</caption>
        <tbody>
          {parts.map((each) => (
            <tr key={each.label}>
              <th scope="row">
                <i class="swatch" style={{ background: each.fill }} />
                {plain(each.label)}
              </th>
              <td>{each.text}</td>
              <td>{percent(each.value, all)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

export interface LegendProps {
  scale: Scale;
  rows: number;
  wordOf: (row: number) => string;
  valueOf: (row: number) => number;
  chosen?: Signal<string>;
}

/** What the colours of a map say, with their shares; a click filters by one. */
export function Legend({ scale, rows, wordOf, valueOf, chosen }: LegendProps) {
  const sums = new globalThis.Map<string, number>();
  let all = 0;
  for (let row = 0; row < rows; row++) {
    const value = valueOf(row);
    sums.set(wordOf(row), (sums.get(wordOf(row)) ?? 0) + value);
    all += value;
  }
  return (
    <ul class="legend" aria-label={scale.title}>
      {ordered(scale, sums.keys()).map((word) => (
        <li key={word}>
          <button
            disabled={!chosen}
            aria-pressed={chosen ? chosen.value === word : undefined}
            class={chosen?.value && chosen.value !== word ? "off" : ""}
            onClick={() => (chosen!.value = chosen!.value === word ? "" : word)}
          >
            <i class="swatch" style={{ background: fillOf(scale, word) }} />
            {plain(word)}{" "}
            <span class="share">{all ? ((100 * sums.get(word)!) / all).toFixed(1) : "0.0"} %</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

export interface CrumbsProps {
  root: string;
  tree: ReadonlySignal<Node>;
  whole: ReadonlySignal<Node>;
  zoom: Signal<string>;
}

/** The way to the module that is shown. */
export function Crumbs({ root, tree, whole: every, zoom }: CrumbsProps) {
  const way = useComputed(() => zoomed(tree.value, every.value, zoom.value));
  const last = way.value.length - 1;
  return (
    <nav class="crumbs" aria-label="Module">
      <ol>
        {way.value.map((node, at) => (
          <li key={node.path}>
            {at === last ? (
              <span aria-current="true">
                <bdi dir="ltr">{at ? shown(node.name) : shown(root)}</bdi>
              </span>
            ) : (
              <button class="link" onClick={() => (zoom.value = node.path)}>
                <bdi dir="ltr">{at ? shown(node.name) : shown(root)}</bdi>
              </button>
            )}
          </li>
        ))}
      </ol>
      {last ? (
        <button class="link out" onClick={() => (zoom.value = "")}>
          Whole model
        </button>
      ) : null}
    </nav>
  );
}

export interface Tab {
  key: string;
  title: string;
  count?: number;
  body: () => ComponentChildren;
}

/** One list at a time; on paper all of them. */
export function Tabs({ tabs, at, label }: { tabs: Tab[]; at: Signal<string>; label: string }) {
  const here = tabs.find((each) => each.key === at.value) ?? tabs[0];
  if (isPrinting.value) {
    return (
      <>
        {tabs.map((each) => (
          <section key={each.key}>
            <h2>{each.title}</h2>
            {each.body()}
          </section>
        ))}
      </>
    );
  }
  const keys = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(here) + step + tabs.length) % tabs.length];
    at.value = next.key;
    requestAnimationFrame(() => document.getElementById(`tab-${next.key}`)?.focus());
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={keys}>
        {tabs.map((each) => (
          <button
            key={each.key}
            role="tab"
            id={`tab-${each.key}`}
            aria-selected={each === here}
            aria-controls={`panel-${each.key}`}
            tabIndex={each === here ? 0 : -1}
            onClick={() => (at.value = each.key)}
          >
            {each.title}
            {each.count === undefined ? null : <span class="count">{whole(each.count)}</span>}
          </button>
        ))}
      </div>
      <section
        key={here.key}
        role="tabpanel"
        id={`panel-${here.key}`}
        aria-labelledby={`tab-${here.key}`}
      >
        {here.body()}
      </section>
    </>
  );
}

export interface Switch {
  key: string;
  title: string;
}

/** Whether numbered modules of one structure are drawn as one. */
export function StackSwitch({ value }: { value: Signal<string> }) {
  return (
    <button
      class="fold-stacks"
      aria-pressed={value.value === "1"}
      title="Draw numbered modules of one structure as one"
      onClick={() => (value.value = value.value === "1" ? "0" : "1")}
    >
      Repeated as one
    </button>
  );
}

/** A few choices beside each other. */
export function Switches({
  label,
  of,
  value,
}: {
  label: string;
  of: Switch[];
  value: Signal<string>;
}) {
  return (
    <fieldset class="switches">
      <legend class="spoken">{label}</legend>
      {of.map((each) => (
        <button
          key={each.key}
          aria-pressed={value.value === each.key}
          onClick={() => (value.value = each.key)}
        >
          {each.title}
        </button>
      ))}
    </fieldset>
  );
}
