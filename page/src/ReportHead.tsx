/** The head of a report: who made the artifact, the verdict on its names, its totals. */
import type { Report } from "./documents";
import { Head, Tile, VerdictLine, type Share } from "./Shell";
import { bytes, countOf, human, percent, plain, shown, whole } from "./text";

const LISTED = 3; // files and types

export function made(report: Report): string {
  const { producer_name, producer_version, ir_version, opsets } = report.model;
  if (!ir_version && !producer_name && !opsets.length) return "a checkpoint, without a graph";
  const by = [plain(producer_name) || "unknown producer", plain(producer_version)].join(" ").trim();
  const sets = opsets.map((each) => `${plain(each.domain)} ${each.version}`.trim()).join(", ");
  return `made by ${by}, IR ${ir_version}, opset ${sets}`;
}

export function ReportHead({ report, isInner }: { report: Report; isInner?: boolean }) {
  const { totals, parameters, model } = report;
  const certain = parameters.filter((row) => row.certain).length;
  const unknown = parameters.filter((row) => row.evidence === "none").length;
  const inferred = parameters.length - certain - unknown;
  const inFile = model.files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
  const types = report.dtypes.map((each) => each.dtype);
  const names: Share[] = [
    { label: "certain", value: certain, fill: "var(--good)", text: whole(certain) },
    { label: "inferred", value: inferred, fill: "var(--warn)", text: whole(inferred) },
    { label: "unknown", value: unknown, fill: "var(--quiet)", text: whole(unknown) },
  ];
  const files = model.files
    .slice(0, LISTED)
    .map((file) => shown(file.path).split("/").pop())
    .join(", ");
  const more = model.files.length > LISTED ? ` and ${model.files.length - LISTED} more files` : "";
  return (
    <>
      <Head kicker="onnx-params report" title={report.model.name} isInner={isInner}>
        <p class="about">
          {made(report)}
          {files ? ` · ${files}${more}` : ""}
        </p>
      </Head>
      <Verdict report={report} certain={certain} unknown={unknown} />
      <dl class="tiles">
        <Tile label="Parameters" value={human(totals.parameters)} note={stored(report)} />
        <Tile
          label="Tensors"
          value={whole(totals.layers)}
          note={`${countOf(report.others.length, "other")} stored beside`}
        />
        <Tile
          label="Bytes"
          value={bytes(totals.bytes)}
          note={
            inFile
              ? `${bytes(inFile)} in ${countOf(model.files.length, "file")}`
              : "no file at hand"
          }
        />
        <Tile
          label="Bits a weight"
          value={totals.bits_per_weight === null ? "-" : totals.bits_per_weight.toFixed(2)}
          note={types.slice(0, LISTED).map(plain).join(", ") + (types.length > LISTED ? ", …" : "")}
        />
        <Tile
          label="Names certain"
          value={parameters.length ? percent(certain, parameters.length) : "-"}
        >
          <span class="bar" aria-hidden="true">
            {names
              .filter((each) => each.value)
              .map((each) => (
                <i key={each.label} style={{ flexGrow: each.value, background: each.fill }} />
              ))}
          </span>
          <span class="aside">{names.map((each) => `${each.text} ${each.label}`).join(", ")}</span>
        </Tile>
      </dl>
    </>
  );
}

export function stored(report: Report): string {
  const { parameters, stored_parameters } = report.totals;
  return parameters === stored_parameters
    ? `${whole(parameters)}, all stored`
    : `${whole(parameters)}, ${human(stored_parameters)} stored`;
}

export function Verdict({
  report,
  certain,
  unknown,
}: {
  report: Report;
  certain: number;
  unknown: number;
}) {
  const rows = report.parameters;
  if (!rows.length)
    return <VerdictLine tone="warn">There are no parameters in this file.</VerdictLine>;
  const gone = rows.filter((row) => !row.bytes && row.count).length;
  const sentences = [sentenceOnNames(certain, rows.length)];
  if (unknown)
    sentences.push(
      `${whole(unknown)} ${unknown === 1 ? "has" : "have"} no name but the stored one.`,
    );
  if (gone === 1)
    sentences.push(
      "1 parameter has no bytes of its own: it was merged with an equal one, or dropped.",
    );
  if (gone > 1)
    sentences.push(
      `${whole(gone)} parameters have no bytes of their own: merged with an equal one, or dropped.`,
    );
  return (
    <VerdictLine tone={certain === rows.length ? "good" : "warn"}>
      {sentences.join(" ")}
    </VerdictLine>
  );
}

export function sentenceOnNames(certain: number, all: number): string {
  if (certain === all)
    return `All ${countOf(all, "name")} are certain: provable from the file or the reference.`;
  if (!certain) return `All ${countOf(all, "name")} are inferred, and marked with a question mark.`;
  return `${whole(certain)} of ${countOf(all, "name")} are certain; the rest is inferred, and marked with a question mark.`;
}
