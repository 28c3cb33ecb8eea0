// The board: looked at again every few seconds while somebody sees it, and moved through by keys.
import { refresh, tell } from "./live.js";

const EVERY = 5000;
const SLOWEST = 60000;
let wait = EVERY;
let timer = null;

async function look() {
  clearTimeout(timer);
  try {
    await refresh();
    wait = EVERY;
    tell("");
  } catch (error) {
    wait = Math.min(wait * 2, SLOWEST);
    tell(`This list may be old: ${error.message}. Trying again in ${Math.round(wait / 1000)} s.`);
  }
  if (!document.hidden) timer = setTimeout(look, wait);
}

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
timer = setTimeout(look, EVERY);

function move(by) {
  const links = [...document.querySelectorAll(".board .release a")];
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
  links[next]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const filter = document.getElementById("filter");
  const action = { "/": () => (filter.focus(), filter.select()), j: () => move(1), k: () => move(-1) }[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
