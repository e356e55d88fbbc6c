/** What is known of one parameter: where it is stored, what was claimed of it and why, its numbers. */
import type { Other, Parameter, Stats } from "./documents";
import { Histogram } from "./Histogram";
import { bytes, countOf, measured, plain, shape, shown } from "./text";

export function ParameterDetail({ row }: { row: Parameter }) {
  const placements = row.placements ?? [];
  return (
    <div class="facts">
      <section>
        <h3>Name</h3>
        <p class="claim">
          <span class={row.certain ? "sure" : "unsure"}>
            {row.certain ? "certain" : "inferred"}
          </span>{" "}
          by {row.evidence}
        </p>
        {row.because ? <p>{shown(row.because)}</p> : null}
        {row.aliases.length ? <p>Also called {row.aliases.map(shown).join(", ")}.</p> : null}
        {(row.claims ?? []).map((each) => (
          <p key={each.evidence + each.name} class="quiet">
            {each.evidence} says{" "}
            <bdi dir="ltr">
              <code>{shown(each.name)}</code>
            </bdi>
            , {each.certain ? "certain" : "inferred"}: {shown(each.because)}
          </p>
        ))}
      </section>
      <section>
        <h3>Stored as</h3>
        {placements.length ? null : <p>Nothing: its numbers are not in the file ({row.view}).</p>}
        {placements.map((each) => (
          <div key={each.stored} class="placement">
            <p>
              <bdi dir="ltr">
                <code>{shown(each.stored) || "no name"}</code>
              </bdi>
            </p>
            <p>
              {each.dtype} {shape(each.shape)}, {bytes(each.bytes)}, {each.encoding},{" "}
              {plain(each.place)}
            </p>
            <p>{steps(each.steps)}</p>
            <p class="quiet">
              parameter by rule {each.rule}: {shown(each.because)}
            </p>
          </div>
        ))}
      </section>
      {row.stats ? <Numbers stats={row.stats} /> : null}
    </div>
  );
}

function steps(words: string[] | null): string {
  if (words === null) return "How it lies there is not known.";
  return words.length ? `From there to the parameter: ${words.join(", then ")}.` : "As it was.";
}

const MEASURES: readonly (readonly [keyof Stats, string])[] = [
  ["min", "min"],
  ["max", "max"],
  ["mean", "mean"],
  ["std", "std"],
  ["zeros", "zeros"],
  ["nan", "NaN"],
  ["infinite", "infinite"],
  ["subnormal", "subnormal"],
];

function Numbers({ stats }: { stats: Stats }) {
  return (
    <section class="numbers">
      <h3>Numbers</h3>
      {stats.histogram ? <Histogram data={stats.histogram} label="64 intervals" /> : null}
      <dl>
        {MEASURES.map(([key, title]) => (
          <div key={key}>
            <dt>{title}</dt>
            <dd>{measured(stats[key] as number | null) || "-"}</dd>
          </div>
        ))}
        {Object.entries(stats.quantiles).map(([each, value]) => (
          <div key={each}>
            <dt>{Number(each) * 100} %</dt>
            <dd>{measured(value) || "-"}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function OtherDetail({ row }: { row: Other }) {
  return (
    <div class="facts">
      <section>
        <h3>Why it is no parameter</h3>
        <p class="claim">
          <strong>{row.role}</strong> by rule {row.rule}
        </p>
        <p>{shown(row.because)}</p>
      </section>
      <section>
        <h3>Stored</h3>
        <p>
          <bdi dir="ltr">
            <code>{shown(row.name) || "no name"}</code>
          </bdi>
        </p>
        <p>
          {row.dtype} {shape(row.shape)}, {countOf(row.bytes, "byte")}, {shown(row.place)}
        </p>
      </section>
    </div>
  );
}
