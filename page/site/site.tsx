/** The site: drop a file, and its report is made in this browser; nothing leaves it. */
import { signal } from "@preact/signals";
import { render } from "preact";
import { follow, forget } from "../src/address";
import { shownAs, type Document } from "../src/show";
import { Head } from "../src/Shell";
import { closeMenus } from "../src/menus";
import { dress } from "../src/theme";
import { bytes, plain, whole } from "../src/text";
import type { Answer, Boot, Question } from "./worker";

type Stage = "starting" | "ready" | "reading" | "failed";

const stage = signal<Stage>("starting");
const said = signal("");
const shown = signal<{ document: Document; number: number } | null>(null);
const isOver = signal(false);
let documents = 0;
let worker: Worker | null = null;
let waiting: File[] | null = null;

async function unpacked(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = atob(document.getElementById(id)!.textContent!);
  const data = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at++) data[at] = packed.charCodeAt(at);
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function boot(): Promise<void> {
  const [code, wasm, stdlib, archive] = await Promise.all(
    ["worker", "wasm", "stdlib", "package"].map(unpacked),
  );
  worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  worker.onerror = (event) => fail(event.message);
  worker.onmessage = (event: MessageEvent<Answer>) => answered(event.data);
  const parts: Boot = { boot: { wasm, stdlib, archive } };
  worker.postMessage(parts, [wasm.buffer, stdlib.buffer, archive.buffer]);
}

function fail(message: string): void {
  stage.value = "failed";
  said.value = message;
}

function answered(answer: Answer): void {
  if ("ready" in answer) {
    performance.mark("ready");
    stage.value = "ready";
    if (waiting) ask(waiting);
  } else if ("error" in answer) fail(answer.error);
  else {
    show(JSON.parse(answer.document) as Document);
    said.value = `Read ${bytes(answer.read)} of ${bytes(answer.size)} in ${whole(Math.round(answer.milliseconds))} ms; nothing was uploaded.`;
  }
}

function show(made: Document): void {
  forget();
  documents += 1;
  stage.value = "ready";
  shown.value = { document: made, number: documents };
}

function ask(files: File[]): void {
  waiting = null;
  stage.value = "reading";
  said.value = "";
  const question: Question = { files };
  worker!.postMessage(question);
}

/** A report by the tool is shown as it is; other files are read. */
async function take(files: File[]): Promise<void> {
  if (!files.length) return;
  if (files.length === 1 && files[0].name.endsWith(".json")) {
    try {
      const made = JSON.parse(await files[0].text());
      if (!String(made.schema).startsWith("onnx-params/"))
        throw new Error("its schema is not one of onnx-params");
      said.value = "";
      return show(made);
    } catch (error) {
      return fail(
        `${files[0].name}: no document of onnx-params: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  if (stage.value === "starting") waiting = files;
  else if (worker) ask(files);
}

function Site() {
  const at = shown.value;
  return (
    <>
      {at ? (
        <>
          <p class="opened">
            <span role="status">{plain(said.value)}</span>
            <button class="link" onClick={() => (shown.value = null)}>
              Open another file
            </button>
          </p>
          <div key={at.number}>{shownAs(at.document)}</div>
        </>
      ) : (
        <Drop />
      )}
    </>
  );
}

const STAGES: Record<Stage, string> = {
  starting: "The reader starts…",
  ready: "Ready.",
  reading: "Reading…",
  failed: "",
};

function Drop() {
  return (
    <>
      <Head kicker="Source maps for model weights" title="onnx-params">
        <p class="about">
          What is in an ONNX file, under the names that its author knew. It is read in this browser:
          nothing is uploaded.
        </p>
      </Head>
      <label class={isOver.value ? "drop over" : "drop"}>
        <strong>Drop a model here</strong>
        <span>
          .onnx with its data file, .safetensors, a torch or NumPy checkpoint, or a JSON document of
          onnx-params
        </span>
        <input
          class="spoken"
          type="file"
          multiple
          onChange={(event) => void take([...(event.currentTarget.files ?? [])])}
        />
        <b>Choose files</b>
      </label>
      <p class={stage.value === "failed" ? "failing" : "quiet"} role="status">
        {STAGES[stage.value]} {plain(said.value)}
      </p>
      <ul class="promises">
        <li>
          Weights are not read, only headers: the time follows the number of tensors, not of bytes.
        </li>
        <li>This page cannot send anything: its policy forbids every connection.</li>
        <li>It works without a network once it has been loaded, and as a file on disk.</li>
      </ul>
    </>
  );
}

for (const kind of ["dragover", "dragleave", "drop"] as const) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    isOver.value = kind === "dragover";
    if (kind === "drop") void take([...((event as DragEvent).dataTransfer?.files ?? [])]);
  });
}
dress();
closeMenus();
follow();
const place = document.getElementById("page")!;
place.replaceChildren();
render(<Site />, place);
requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("painted")));
const start = () => boot().catch((error) => fail(String(error)));
if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
else void start();
if (location.protocol.startsWith("http")) void navigator.serviceWorker?.register("sw.js");
