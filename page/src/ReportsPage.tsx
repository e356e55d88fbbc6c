/** Several artifacts side by side, and all of one of them below. */
import { batch, useComputed } from "@preact/signals";
import { setting } from "./address";
import type { Report } from "./documents";
import { ModelMap } from "./ModelMap";
import { ReportPage } from "./ReportPage";
import { storeOf, type Store } from "./reportStore";
import { Head } from "./Shell";
import { bytes, countOf, human, percent, shown, whole } from "./text";

const MAP_HEIGHT = 190; // pixels

export function ReportsPage({ stores }: { stores: Store[] }) {
  const at = setting("model", "0");
  const chosen = stores[Number(at.value)] ?? stores[0];
  const most = Math.max(...stores.map((each) => each.report.totals.bytes));
  const choose = (number: number) =>
    batch(() => {
      at.value = String(number);
      chosen.parameters.opened.value = ""; // these are numbers of rows
    });
  return (
    <>
      <Head kicker="onnx-params report" title={countOf(stores.length, "model")} />
      <div class="cards">
        {stores.map((store, number) => (
          <Card
            key={number}
            store={store}
            most={most}
            isChosen={store === chosen}
            choose={() => choose(number)}
          />
        ))}
      </div>
      <hr />
      <ReportPage key={at.value} store={chosen} isInner />
    </>
  );
}

interface CardProps {
  store: Store;
  most: number;
  isChosen: boolean;
  choose: () => void;
}

function Card({ store, most, isChosen, choose }: CardProps) {
  const { totals, parameters, model } = store.report;
  const certain = parameters.filter((row) => row.certain).length;
  const isIcicle = useComputed(() => false);
  return (
    <section class={isChosen ? "panel card on" : "panel card"} aria-label={shown(model.name)}>
      <h2>
        <button class="link" aria-pressed={isChosen} onClick={choose}>
          <bdi dir="ltr">{shown(model.name)}</bdi>
        </button>
      </h2>
      <p class="about">
        {human(totals.parameters)} parameters in {countOf(totals.layers, "tensor")},{" "}
        {bytes(totals.bytes)}
      </p>
      <span class="meter" aria-hidden="true">
        <i>
          <b
            style={{
              width: `${most ? (100 * totals.bytes) / most : 0}%`,
              background: "var(--focus)",
            }}
          />
        </i>
      </span>
      <ModelMap
        label={`Map of ${shown(model.name)}`}
        tree={store.drawn}
        whole={store.whole}
        zoom={store.settings.zoom}
        isIcicle={isIcicle}
        valueOf={store.valueOf}
        fillOfRow={store.fillOfRow}
        isShown={store.isShown}
        pointed={store.pointed}
        unit={store.unit}
        about={(row) => store.rows[row].view}
        onRow={choose}
        height={MAP_HEIGHT}
      />
      <p class="aside">
        {totals.bits_per_weight === null
          ? ""
          : `${totals.bits_per_weight.toFixed(2)} bits a weight, `}
        names {parameters.length ? percent(certain, parameters.length) : "-"} certain,{" "}
        {whole(store.report.others.length)} other tensors
      </p>
    </section>
  );
}

export const storesOf = (reports: Report[]): Store[] => reports.map(storeOf);
