// The part of a page that changes: fetched again from the page's own address and put in place without losing
// focus, and the countdowns in it, which tick by themselves.

const INTERACTIVE = new Set(["open"]); // of the reader, not of the server

/** Make `old` like `fresh`, node by node, so that what has not changed stays the same node. */
function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(document.importNode(fresh, true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && !INTERACTIVE.has(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value && !INTERACTIVE.has(name)) old.setAttribute(name, value);
  morphChildren(old, fresh);
}

function morphChildren(old, fresh) {
  const named = new Map([...old.children].filter((each) => each.id).map((each) => [each.id, each]));
  let at = old.firstChild;
  for (const wish of [...fresh.childNodes]) {
    const same = wish.id ? named.get(wish.id) : at?.id ? null : at;
    if (!same) {
      old.insertBefore(document.importNode(wish, true), at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    morph(same, wish);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

let ahead = 0; // how far the server's clock is ahead of this one, in milliseconds

function setClock() {
  ahead = Number(document.getElementById("page").dataset.now) - Date.now();
}

function tick() {
  for (const each of document.querySelectorAll("[data-until]")) {
    const left = Math.max(0, Math.floor((Number(each.dataset.until) - Date.now() - ahead) / 1000));
    const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor((left % 3600) / 60), left % 60];
    const two = (count) => String(count).padStart(2, "0");
    const text = `${hours ? `${hours}:` : ""}${two(minutes)}:${two(seconds)}`;
    if (each.textContent !== text) each.textContent = text;
  }
}

let running = null;
let next = null;

/** Fetch the part again. Whoever asks while one fetch runs gets the one after it. Rejects with a sentence. */
export function refresh() {
  if (!running) {
    running = fetchPart().finally(() => (running = null));
    return running;
  }
  next ??= running
    .catch(() => {})
    .then(() => {
      next = null;
      return refresh();
    });
  return next;
}

async function fetchPart() {
  const address = new URL(location.href);
  address.searchParams.set("fragment", "true");
  let answer;
  try {
    answer = await fetch(address, { cache: "no-store", redirect: "manual" });
  } catch {
    throw new Error("the server cannot be reached");
  }
  if (answer.type === "opaqueredirect" || answer.status === 401) throw new Error("you are logged out: reload the page");
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("page");
  if (!fresh) throw new Error("the answer is not this page: reload it");
  const page = document.getElementById("page");
  const focused = document.activeElement?.id;
  morph(page, fresh);
  document.title = page.dataset.title;
  if (focused && document.activeElement?.id !== focused)
    (document.getElementById(focused) ?? document.getElementById("answer"))?.focus();
  setClock();
  tick();
}

const live = document.getElementById("live");

/** Say how current the page is; said once, however often it is found. */
export function tell(text) {
  if (live.textContent !== text) live.textContent = text;
}

document.documentElement.classList.add("scripted");
setClock();
tick();
setInterval(tick, 1000);
