// Keep the page, so that it opens without a network. Another version is another cache.
const NAME = "onnx-params-VERSION";

addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.add("./"))
      .then(() => skipWaiting()),
  );
});

addEventListener("activate", (event) => {
  const clear = async () => {
    for (const name of await caches.keys()) if (name !== NAME) await caches.delete(name);
    await clients.claim();
  };
  event.waitUntil(clear());
});

addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate") return;
  event.respondWith(
    caches.match("./", { cacheName: NAME }).then((kept) => kept ?? fetch(event.request)),
  );
});
