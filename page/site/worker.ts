/** Python in a worker: the analyzer as the package has it, over files that are read by slices. */
import { loadPyodide } from "pyodide";
// @ts-expect-error: the module has no types
import createPyodideModule from "pyodide/pyodide.asm.mjs";
import { info } from "pyodide/pyodide-lock.json";

export interface Boot {
  boot: {
    wasm: Uint8Array<ArrayBuffer>;
    stdlib: Uint8Array<ArrayBuffer>;
    archive: Uint8Array<ArrayBuffer>;
  };
}

export interface Question {
  files: File[];
}

export type Answer =
  | { ready: true }
  | { error: string }
  | { document: string; read: number; size: number; milliseconds: number };

const NOWHERE = "https://offline.invalid/"; // the loader asks for its parts here; no request is made
const READER = `
import json, os
from onnx_params.api import analyze
from onnx_params.errors import OnnxParamsError
from onnx_params.render.json import of_reports

def report(folder, names):
    os.chdir(folder)
    models = [name for name in names if name.endswith((".onnx", ".ort", ".onnx.gz"))] or names
    try:
        made = of_reports([analyze(name) for name in models], len(models) > 1)
    except OnnxParamsError as error:
        return "", str(error)
    return json.dumps(made), ""

report
`;

let read = 0;
const slices = FileReaderSync.prototype.readAsArrayBuffer;
FileReaderSync.prototype.readAsArrayBuffer = function (part: Blob): ArrayBuffer {
  read += part.size;
  return slices.call(this, part);
};

type Report = (folder: string, names: string[]) => { toJs(): [string, string]; destroy(): void };
type Python = Awaited<ReturnType<typeof loadPyodide>>;

let python: Python;
let report: Report;
let folders = 0;

async function start({ wasm, stdlib, archive }: Boot["boot"]): Promise<void> {
  const parts: Record<string, [Uint8Array<ArrayBuffer>, string]> = {
    "pyodide.asm.wasm": [wasm, "application/wasm"],
    "python_stdlib.zip": [stdlib, "application/zip"],
  };
  self.fetch = (input: RequestInfo | URL) => {
    const name = String(input instanceof Request ? input.url : input)
      .split("/")
      .pop()!;
    const part = parts[name];
    if (!part) return Promise.reject(new Error(`there is no network: ${name}`));
    return Promise.resolve(new Response(part[0], { headers: { "content-type": part[1] } }));
  };
  python = await loadPyodide({
    indexURL: NOWHERE,
    packageBaseUrl: NOWHERE,
    lockFileContents: { info, packages: {} },
    createPyodideModule,
  } as Parameters<typeof loadPyodide>[0]);
  python.FS.writeFile("/package.zip", archive);
  report = python.runPython(`import sys; sys.path.insert(0, "/package.zip")\n${READER}`) as Report;
  postMessage({ ready: true } satisfies Answer);
}

function answer({ files }: Question): void {
  const began = performance.now();
  const folder = `/files${(folders += 1)}`;
  python.FS.mkdir(folder);
  python.FS.mount(python.FS.filesystems.WORKERFS, { files }, folder);
  read = 0;
  const made = report(
    folder,
    files.map((file) => file.name),
  );
  const [document, error] = made.toJs();
  made.destroy();
  python.FS.chdir("/");
  python.runPython("import gc, os; os.chdir('/'); gc.collect()");
  python.FS.unmount(folder);
  if (error) postMessage({ error } satisfies Answer);
  else {
    const size = files.reduce((sum, file) => sum + file.size, 0);
    postMessage({ document, read, size, milliseconds: performance.now() - began } satisfies Answer);
  }
}

onmessage = async (event: MessageEvent<Boot | Question>) => {
  try {
    if ("boot" in event.data) await start(event.data.boot);
    else answer(event.data);
  } catch (error) {
    postMessage({
      error: `the reader gave up: ${String(error).trim().split("\n").pop()}`,
    } satisfies Answer);
  }
};
