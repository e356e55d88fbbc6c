/** Unpack the page's style sheet and script and start them. The page's policy has the hashes of both:
 * anything else in their place does not run. */

interface Policy {
  createScript(text: string): string;
}

declare const trustedTypes: { createPolicy(name: string, rules: Policy): Policy } | undefined;

async function unpacked(id: string): Promise<string> {
  const packed = atob(document.getElementById(id)!.textContent!);
  const data = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
  return new Response(
    new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip")),
  ).text();
}

function append(name: string, fill: (element: HTMLElement) => void): void {
  const element = document.createElement(name);
  fill(element);
  document.head.append(element);
}

async function run(): Promise<void> {
  const [style, code] = await Promise.all([unpacked("style"), unpacked("script")]);
  append("style", (element) => (element.textContent = style));
  const rules: Policy = { createScript: (text) => text };
  const policy =
    typeof trustedTypes === "undefined" ? rules : trustedTypes.createPolicy("page", rules);
  append("script", (element) => {
    (element as HTMLScriptElement).type = "module";
    element.textContent = policy.createScript(code);
  });
}

run().catch((error: unknown) => {
  document.getElementById("page")!.textContent =
    `This browser cannot show the page: ${String(error)}`;
});

export {};
