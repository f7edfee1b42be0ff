// Keeps the shell of the page for when there is no connection. Nothing that was said is kept: /api is never answered here.
// The build puts its own version and files in place of the two constants (shell.ts).

const VERSION = "__VERSION__";
const FILES = ["__FILES__"];
const CACHE = `shell ${VERSION}`;
const PAGE = "/"; // every address of the page is answered alike

self.addEventListener("install", (event) => {
  const requests = [PAGE, ...FILES].map(
    (path) => new Request(path, { cache: path === PAGE ? "reload" : "default" }),
  );
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  const tidied = caches
    .keys()
    .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))));
  event.waitUntil(tidied);
});

/** The page as the server has it now; as it was built where the server cannot be reached. */
async function page(request) {
  try {
    return await fetch(request);
  } catch (unreachable) {
    const kept = await caches.match(PAGE, { ignoreVary: true });
    if (kept === undefined) throw unreachable;
    return kept;
  }
}

/** A file whose name changes with what it holds: kept once it was needed. */
async function file(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreVary: true });
  if (kept !== undefined) return kept;
  const answer = await fetch(request);
  if (answer.ok && answer.type === "basic") await cache.put(request, answer.clone());
  return answer;
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (pathname === PAGE || pathname.startsWith("/c/")) event.respondWith(page(request));
  } else if (pathname.startsWith("/static/assets/") || FILES.includes(pathname)) {
    event.respondWith(file(request));
  }
});
