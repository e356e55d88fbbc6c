// Bundle the page into the package: onnx_params/render/page/.
import { build } from "esbuild";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const OUT = new URL("../onnx_params/render/page/", import.meta.url);
const SCRIPTS = {
  "page.js": "src/page.tsx",
  "loader.js": "src/loader.ts",
  "style.css": "src/style.css",
};
const BUNDLED = ["preact", "@preact/signals", "@preact/signals-core", "d3-hierarchy"];

mkdirSync(OUT, { recursive: true });
for (const [name, source] of Object.entries(SCRIPTS)) {
  const made = await build({
    entryPoints: [new URL(source, import.meta.url).pathname],
    bundle: true,
    minify: true,
    write: false,
    format: name.endsWith(".css") ? undefined : "esm",
    charset: "ascii",
    legalComments: "none",
    target: ["chrome116", "firefox120", "safari17"],
    jsx: "automatic",
    jsxImportSource: "preact",
  });
  write(name, made.outputFiles[0].text);
}
write("LICENSES.txt", licenses());

function write(name, text) {
  // what stands in a page must not end the element that it stands in
  const safe = text.trim().replaceAll("</", "<\\/");
  writeFileSync(new URL(name, OUT), `${name.endsWith(".js") ? safe : text.trim()}\n`);
  console.log(name, text.length);
}

function licenses() {
  const parts = BUNDLED.map((name) => {
    const folder = new URL(`node_modules/${name}/`, import.meta.url);
    const { version, license } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
    return `${name} ${version}, ${license}\n\n${readFileSync(new URL("LICENSE", folder), "utf8").trim()}\n`;
  });
  return ["page.js contains these packages.\n", ...parts].join(`\n${"-".repeat(80)}\n\n`);
}
