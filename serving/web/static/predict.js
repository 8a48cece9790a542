// The form's answer in place of a new page. The server renders it, with this script and without.

const MOST_RECENT = 10;
const LONGEST_IN_ADDRESS = 1000;
const NEWEST_FIRST = "tweet-sentiment.recent";

const byId = (id) => document.getElementById(id);
const form = byId("classify");
const answer = byId("answer");
const recent = byId("recent"); // null beside a form of fields
const emptyTitle = document.title;

let running = null;

// A form asks for a text, or for a row of fields; the row, too, is handled as a text: what a form would send of it.

const box = {
  hash: "#text=",
  control: byId("text"),
  written: (form) => form.elements.text.value,
  sent: (text) => ({ text }),
  fill: (text) => (box.control.value = text),
  mark({ answered, empty }) {
    for (const [name, value] of Object.entries({ "aria-invalid": "true", "aria-describedby": "error" })) {
      if (answered || empty) box.control.removeAttribute(name);
      else box.control.setAttribute(name, value);
    }
  },
};

const fields = {
  hash: "#fields=",
  // Not the form's own properties: a field may be called as one of them is.
  controls: document.querySelectorAll("#fields [name]"),
  written: (form) => String(new URLSearchParams([...new FormData(form)].filter(([name]) => name !== "explain"))),
  sent: (row) => Object.fromEntries(new URLSearchParams(row)),
  fill(row) {
    const values = new URLSearchParams(row);
    for (const control of fields.controls) control.value = values.get(control.name) ?? "";
  },
  mark({ page, empty }) {
    for (const { id } of fields.controls) {
      byId(id).setAttribute("aria-invalid", page?.getElementById(id)?.getAttribute("aria-invalid") ?? "false");
      const fault = id.replace("field", "fault");
      byId(fault).textContent = page?.getElementById(fault)?.textContent ?? "";
    }
    // It may be far below where the form has many fields.
    if (!empty) answer.scrollIntoView({ block: "nearest" });
  },
};

const input = byId("fields") ? fields : box;

/** Asks for `text`'s answer and shows it. `navigate`: as a place of its own in the browser's history. */
async function classify(written, { navigate }) {
  // As it is sent: half a character, which an address could not hold either, is replaced.
  const text = new URLSearchParams({ written }).get("written");
  running?.abort();
  const request = (running = new AbortController());
  input.fill(text);
  show({ busy: true });
  const outcome = await ask(text, request.signal);
  if (request !== running) return;
  running = null;
  if (outcome.answered && navigate) visit(text);
  show(outcome);
  if (outcome.answered && recent) remember(text);
}

/** The server's page, or what to say where there is none. Never throws. */
async function ask(text, signal) {
  try {
    const body = new URLSearchParams({ ...input.sent(text), explain: "true" });
    const response = await fetch(form.getAttribute("action"), { method: "POST", body, signal, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const nodes = page.querySelector("#answer")?.childNodes ?? page.querySelectorAll("main .error, main .notice");
    if (nodes.length === 0) return { nodes: copyOf("misunderstood"), title: emptyTitle };
    return { nodes, title: page.title, page, answered: response.ok };
  } catch {
    return { nodes: copyOf("unreachable"), title: emptyTitle };
  }
}

/** One state of the page: busy, or what `nodes` say. */
function show({ busy = false, nodes = null, title = null, page = null, answered = false, empty = false }) {
  form.classList.toggle("busy", busy);
  answer.setAttribute("aria-busy", String(busy));
  if (busy) byId("status").textContent = "Reading…";
  if (busy) return;
  answer.replaceChildren(...nodes);
  document.title = title;
  input.mark({ page, answered, empty });
  // An error announces itself.
  byId("status").textContent = answered ? spoken() : "";
}

function spoken() {
  const { label, figure } = verdict();
  const unsure = answer.querySelector(".unsure")?.textContent;
  return [label, unsure, figure].filter(Boolean).join(", ");
}

function verdict() {
  const shown = answer.querySelector(".verdict");
  return { label: shown.querySelector("strong").textContent, figure: shown.querySelector(".figure").textContent };
}

function copyOf(id) {
  return byId(id).content.cloneNode(true).childNodes;
}

// The address. The text is in its fragment, which no browser sends to a server: so it can be passed on, and stands in
// no log. A text too long for that is kept with the place in the history only.

function visit(text) {
  if (text === textHere()) return;
  const address = text.length > LONGEST_IN_ADDRESS ? location.pathname : input.hash + encodeURIComponent(text);
  history.pushState({ text }, "", address);
}

function textHere() {
  if (history.state?.text) return history.state.text;
  if (!location.hash.startsWith(input.hash)) return null;
  try {
    return decodeURIComponent(location.hash.slice(input.hash.length));
  } catch {
    return null;
  }
}

function arrive() {
  const text = textHere();
  if (text) return classify(text, { navigate: false });
  // Another fragment, as the link to the content has, is no other place.
  if (location.hash) return;
  running?.abort();
  running = null;
  input.fill("");
  show({ nodes: copyOf("empty"), title: emptyTitle, empty: true });
}

// The last predictions, in this browser only. Storage may be full, forbidden, or hold what another version wrote.

function stored() {
  try {
    const items = JSON.parse(localStorage.getItem(NEWEST_FIRST));
    return Array.isArray(items) ? items.filter((item) => typeof item?.text === "string") : [];
  } catch {
    return [];
  }
}

function remember(text) {
  const others = stored().filter((item) => item.text !== text);
  keep([{ text, ...verdict() }, ...others].slice(0, MOST_RECENT));
}

function keep(items) {
  try {
    localStorage.setItem(NEWEST_FIRST, JSON.stringify(items));
  } catch {
    // Then nothing is kept.
  }
  list(items);
}

function list(items) {
  recent.querySelector("ul").replaceChildren(...items.map(listed));
  recent.hidden = items.length === 0;
}

function listed({ text, label, figure }) {
  const item = byId("recent-item").content.firstElementChild.cloneNode(true);
  const [shown, outcome] = item.querySelectorAll("span");
  shown.textContent = text;
  outcome.textContent = `${label} ${figure}`;
  item.querySelector("button").addEventListener("click", () => classify(text, { navigate: true }));
  return item;
}

function forget() {
  try {
    localStorage.removeItem(NEWEST_FIRST);
  } catch {
    // Then nothing was kept.
  }
  list([]);
  box.control.focus();
}

// Copying needs a secure page; elsewhere the text is selected, ready to be copied by hand.

async function copy(button) {
  const source = byId(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    byId("status").textContent = "Copied";
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = "Selected";
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.classify")) return;
  event.preventDefault();
  classify(input.written(event.target), { navigate: true });
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
box.control?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
byId("forget")?.addEventListener("click", forget);
addEventListener("popstate", arrive);
for (const name of ["online", "offline"]) {
  addEventListener(name, () => (byId("offline").hidden = navigator.onLine));
}

document.documentElement.classList.add("with-script");
byId("offline").hidden = navigator.onLine;
if (recent) list(stored());
if (textHere()) arrive();
