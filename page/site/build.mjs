// Build the site into the folder that is named: index.html, which is all of it, and sw.js.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = join(HERE, "..", "..");
const PYODIDE = join(HERE, "node_modules", "pyodide");
const BUNDLE = join(ROOT, "onnx_params", "render", "page");
const LINE = 20000; // characters

const out = process.argv[2];
mkdirSync(out, { recursive: true });

const python = await started();
const stdlib = compiled(readFileSync(join(PYODIDE, "python_stdlib.zip")));
const archive = compiled(sources());
const [site, worker] = [await bundled("site.tsx", "esm"), await bundled("worker.ts", "iife")];
const style = `${readFileSync(join(BUNDLE, "style.css"), "utf8").trimEnd()}\n${readFileSync(join(HERE, "site.css"), "utf8")}`;
const loader = readFileSync(join(BUNDLE, "loader.js"), "utf8").trimEnd();

const first = { style, script: site };
const engine = {
  worker,
  package: archive,
  stdlib,
  wasm: readFileSync(join(PYODIDE, "pyodide.asm.wasm")),
};
const policy = [
  "default-src 'none'",
  `script-src ${hash(loader)} ${hash(site)} 'wasm-unsafe-eval'`,
  `style-src ${hash(style)}`,
  "worker-src 'self' blob:",
  "img-src data:",
  "connect-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const page = [
  "<!doctype html>",
  '<html lang="en">',
  "<head>",
  '<meta charset="utf-8">',
  `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
  '<meta name="viewport" content="width=device-width, initial-scale=1">',
  '<meta name="color-scheme" content="light dark">',
  '<meta name="description" content="What is in an ONNX file, under the names that its author knew. Read in your browser, nothing is uploaded.">',
  '<link rel="icon" href="data:,">',
  "<title>onnx-params: look at a model</title>",
  "</head>",
  "<body>",
  '<main id="page"><noscript><p>This page needs JavaScript.</p></noscript></main>',
  ...Object.entries(first).map(block),
  // no module: it starts while the engine below still comes
  `<script>${loader}</script>`,
  ...Object.entries(engine).map(block),
  "</body>",
  "</html>",
  "",
].join("\n");
const version = createHash("sha256").update(page).digest("hex").slice(0, 16);
write("index.html", page);
write("sw.js", readFileSync(join(HERE, "sw.js"), "utf8").replace("VERSION", version));

async function started() {
  const { loadPyodide } = await import(pathToFileURL(join(PYODIDE, "pyodide.mjs")).href);
  return loadPyodide({ indexURL: PYODIDE });
}

function compiled(zip) {
  python.runPython(readFileSync(join(HERE, "compile.py"), "utf8"));
  python.FS.writeFile("/tmp/given.zip", new Uint8Array(zip));
  python.runPython('compile_zip("/tmp/given.zip", "/tmp/made.zip")');
  return Buffer.from(python.FS.readFile("/tmp/made.zip"));
}

// the package as the wheel has it, zipped by the Python that compiles it
function sources() {
  const folder = join(ROOT, "onnx_params");
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".py"));
  const files = names
    .sort()
    .map((name) => [relative(ROOT, join(folder, name)), readFileSync(join(folder, name), "utf8")]);
  python.globals.set("files", python.toPy(files));
  python.runPython(`
import zipfile
with zipfile.ZipFile("/tmp/sources.zip", "w") as made:
    for name, text in files:
        made.writestr(name, text)
`);
  return python.FS.readFile("/tmp/sources.zip");
}

async function bundled(name, format) {
  const made = await build({
    entryPoints: [join(HERE, name)],
    bundle: true,
    minify: true,
    write: false,
    format,
    charset: "ascii",
    legalComments: "none",
    target: ["chrome116", "firefox120", "safari17"],
    jsx: "automatic",
    jsxImportSource: "preact",
    nodePaths: [join(HERE, "..", "node_modules")],
    external: ["node:*", "ws"],
    logLevel: "error",
    // pyodide wants a worker that cannot import scripts, which those of a page from disk may not be
    banner: {
      js:
        name === "worker.ts"
          ? 'self.importScripts = () => { throw new TypeError("there are none"); };'
          : "",
    },
    define: name === "worker.ts" ? { "import.meta.url": '""' } : {},
  });
  return made.outputFiles[0].text;
}

function block([name, content]) {
  const data = gzipSync(content, { level: 9 }).toString("base64");
  const lines = data.match(new RegExp(`.{1,${LINE}}`, "g")).join("\n");
  return `<script type="application/gzip+base64" id="${name}">\n${lines}\n</script>`;
}

function hash(text) {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function write(name, text) {
  writeFileSync(join(out, name), text);
  console.log(name, text.length);
}
