// The buttons: each sends one command to the API, for the step that the page showed when it was pressed.

const TRIES = 3;
const PATIENCE = 15000; // milliseconds for one answer
const answer = document.getElementById("answer");
const dialog = document.getElementById("ask");
const sending = new Set();

/** Make the buttons in `page` work; `changed` is called when an answer has come. */
export function listen(page, changed) {
  page.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.command) press(button, page.dataset.release, changed);
    if (button?.classList.contains("copy")) copy(button);
  });
  // Only where the line is encrypted, or on this machine.
  if (navigator.clipboard) document.documentElement.classList.add("copies");
}

async function press(button, release, changed) {
  const { command, label, step } = button.dataset;
  if (sending.has(command)) return;
  const body = step === undefined ? {} : { step: Number(step) };
  if ("asks" in button.dataset) {
    const reason = await why(label);
    if (reason === null) return;
    body.reason = reason;
  }
  sending.add(command);
  answer.hidden = true;
  try {
    const found = await send(`/v1/releases/${release}/${command}`, body);
    const told = await found.json().catch(() => ({}));
    if (found.status === 202 && told.release_id) location.assign(`/releases/${told.release_id}`);
    else if (found.ok) say(`${label}: taken.`, true);
    else say(told.detail ?? `The server answers ${found.status}: reload the page.`, false);
  } catch {
    say(`${label}: the server cannot be reached. It may still have been taken: see below, then press again.`, false);
  }
  sending.delete(command);
  changed(); // the page says anew what fits
}

/** Send it until it is answered; one key for all tries, so that it is taken once. */
async function send(path, body) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": newKey() };
  for (let tried = 1; ; tried += 1) {
    try {
      const found = await fetch(path, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
        redirect: "error",
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (found.status !== 503 || tried === TRIES) return found;
    } catch (error) {
      if (tried === TRIES) throw error;
    }
    await new Promise((done) => setTimeout(done, 1000 * tried));
  }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing where the line is not encrypted
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Ask for the reason; null when somebody thinks better of it. */
function why(label) {
  document.getElementById("ask-what").textContent = `${label}?`;
  document.getElementById("ask-do").textContent = label;
  const field = document.getElementById("ask-why");
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  field.focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "do" ? field.value.trim() : null), { once: true });
  });
}

function say(text, well) {
  answer.textContent = text;
  answer.classList.toggle("done", well);
  answer.hidden = false;
}

async function copy(button) {
  await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
