/** The findings of an audit by rule, each with its reason, and the way to its row. */
import { setting } from "./address";
import type { Store } from "./auditStore";
import type { Finding } from "./documents";
import { bytes, sentence, shown, whole } from "./text";

const LISTED = 8; // findings of one rule before all are asked for

export function Findings({ store }: { store: Store }) {
  const { findings, rules } = store.document;
  const byRule = new globalThis.Map<string, Finding[]>();
  for (const each of findings) byRule.set(each.rule, [...(byRule.get(each.rule) ?? []), each]);
  if (!byRule.size) return <p class="panel none">There are no findings.</p>;
  return (
    <section class="findings" aria-label="Findings">
      {[...byRule].map(([rule, found]) => (
        <Rule key={rule} rule={rule} found={found} about={rules?.[rule]} store={store} />
      ))}
    </section>
  );
}

export interface RuleProps {
  rule: string;
  found: Finding[];
  about?: { finds: string; why: string; next: string };
  store: Store;
}

export function Rule({ rule, found, about, store }: RuleProps) {
  const isAll = setting(`all.${rule}`);
  const size = found.reduce((sum, each) => sum + each.bytes, 0);
  const listed = isAll.value ? found : found.slice(0, LISTED);
  const { severity } = found[0];
  return (
    <section class={`panel rule ${severity}`}>
      <h2>
        <span class="severity">{severity}</span> {rule}{" "}
        <span class="count">{whole(found.length)}</span>
      </h2>
      {about ? (
        <p>
          {sentence(about.finds)}
          {size ? `; ${bytes(size)}` : ""}.
        </p>
      ) : null}
      <ul>
        {listed.map((each, at) => (
          <Item key={at} finding={each} store={store} />
        ))}
      </ul>
      {found.length > LISTED ? (
        <button class="link" onClick={() => (isAll.value = isAll.value ? "" : "1")}>
          {isAll.value ? "Show fewer" : `Show all ${whole(found.length)}`}
        </button>
      ) : null}
      {about ? (
        <p class="quiet">
          Why: {about.why}. Next: {about.next}.
        </p>
      ) : null}
    </section>
  );
}

export function Item({ finding, store }: { finding: Finding; store: Store }) {
  const at = finding.name ? store.rows.findIndex((row) => row.name === finding.name) : -1;
  const name = (
    <bdi dir="ltr">
      <code>{shown(finding.name)}</code>
    </bdi>
  );
  return (
    <li>
      {finding.name ? (
        at < 0 ? (
          <>{name}: </>
        ) : (
          <>
            <button class="link" onClick={() => store.open(at)}>
              {name}
            </button>
            :{" "}
          </>
        )
      ) : null}
      {shown(finding.message)}
    </li>
  );
}
