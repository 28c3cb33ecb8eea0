// One release: followed by its event stream, told what to do by buttons.
import { refresh, tell } from "./live.js";
import { listen } from "./commands.js";

const AT_ONCE = 150; // milliseconds in which several messages make one look
const LATER = 3000;
const page = document.getElementById("page");
let stream = null;
let looking = null;
let again = null;

const over = () => "over" in page.dataset;

async function look() {
  looking = null;
  try {
    await refresh();
    if (over()) end();
  } catch (error) {
    tell(`This page may be old: ${error.message}. Trying again.`);
    looking = setTimeout(look, LATER);
  }
}

function soon() {
  looking ??= setTimeout(look, AT_ONCE);
}

function end() {
  close();
  tell("The release has ended; nothing changes here any more.");
}

function close() {
  stream?.close();
  stream = null;
  clearTimeout(again);
}

function follow() {
  close();
  if (over()) return;
  stream = new EventSource(`/v1/releases/${page.dataset.release}/events`);
  stream.onopen = () => tell("Live: this page changes with the release.");
  stream.addEventListener("journal", soon);
  stream.addEventListener("state", soon);
  stream.addEventListener("end", () => {
    close(); // before the browser takes the end for a broken line
    soon();
  });
  stream.onerror = () => {
    if (over()) return;
    tell("The connection is lost: this page may be old. Trying again.");
    if (stream?.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
    clearTimeout(again);
    again = setTimeout(() => {
      soon();
      follow();
    }, LATER);
  };
}

// A page that nobody sees follows nothing: browsers open few connections to one server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) close();
  else {
    soon();
    follow();
  }
});

listen(page, soon);
if (!over() && !document.hidden) follow();
