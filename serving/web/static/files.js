/** The section for files: sends one up, shows how far it is, and what came back. Without this the form just posts. */

import { read } from "./scored.js";

const LONGEST = 200; // characters of a cell that the preview shows

const section = document.getElementById("files");
const form = section.querySelector("form");
const find = (selector) => section.querySelector(selector);
const parts = {
  button: form.querySelector("button"),
  progress: find(".files-progress"),
  bar: find("progress"),
  phase: find("#files-phase"),
  figure: find("[data-figure]"),
  status: find(".files-status"),
  error: find(".files-error"),
  result: find(".files-result"),
  summary: find("#files-summary"),
  download: find(".files-download"),
};

let request = null;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (request === null) send(form.elements.file.files[0]);
});
find(".files-cancel").addEventListener("click", () => request?.abort());
addEventListener("beforeunload", (event) => {
  if (request !== null) event.preventDefault();
});

/** fetch cannot tell how much of a body is sent, so this is an XMLHttpRequest; its Blob may be on disk. */
function send(file) {
  clear();
  const refusal = unfit(file);
  if (refusal) return fail(refusal);
  request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "blob";
  const start = { at: 0 };
  request.upload.onprogress = ({ loaded, total }) => show("Sending", loaded / total);
  request.upload.onload = () => show("Scoring", null);
  request.onprogress = ({ loaded }) => {
    start.at ||= performance.now();
    if (request.status === 200) show("Scoring", answered(request, loaded), performance.now() - start.at);
  };
  request.onload = () => received(request, file);
  request.onerror = () =>
    stop(() => fail(navigator.onLine ? "The connection broke off; nothing is lost but the answer." : offline()));
  request.onabort = () => stop(() => say("Stopped."));
  show("Sending", 0);
  request.send(new FormData(form));
  parts.button.disabled = true;
}

function unfit(file) {
  const most = Number(form.dataset.maxBytes);
  if (file.size > most) {
    return `The file has ${size(file.size)}; at most ${size(most)} are accepted.`;
  }
  return navigator.onLine ? "" : offline();
}

const offline = () => "You are offline; the file can be sent when you are back.";

/** The part of the answer that is here; the server can only foresee its length. */
function answered({ getResponseHeader }, loaded) {
  const expected = Number(getResponseHeader.call(request, "X-Expected-Bytes"));
  return expected ? Math.min(loaded / expected, 0.99) : null;
}

async function received(answer, file) {
  if (answer.status !== 200) {
    const sentence = await refused(answer);
    return stop(() => fail(sentence));
  }
  say("Counting.");
  const result = await read(answer);
  stop(() => present(result, answer, file));
}

async function refused({ response, status }) {
  try {
    const { detail, request_id: id } = JSON.parse(await response.text());
    return `${detail.replaceAll("`", "")}\nRequest ${id}`;
  } catch {
    return `The server answered with status ${status}.`;
  }
}

function present(found, answer, file) {
  const { rows, errors, preview, column } = found;
  parts.summary.textContent =
    `${count(rows, "row")} scored` + (errors ? `, ${errors.toLocaleString("en")} of them with an error` : "");
  const name = `${file.name.replace(/\.[^.]*$/, "")}-scored${tabbed(answer) ? ".tsv" : ".csv"}`;
  URL.revokeObjectURL(parts.download.href);
  parts.download.href = URL.createObjectURL(answer.response);
  parts.download.download = name;
  parts.download.textContent = `Download ${name} (${size(answer.response.size)})`;
  fill(".files-counts", shares(found).map((share) => countRow(share)));
  find("[data-text]").textContent = column;
  fill(".files-preview", preview.map((row) => previewRow(row)));
  parts.result.hidden = false;
  say(`${parts.summary.textContent}. The download is ready.`);
  parts.summary.focus();
}

const tabbed = (answer) => answer.getResponseHeader("Content-Type").startsWith("text/tab");

function shares({ rows, errors, counts }) {
  const labels = [...counts].sort(([, one], [, other]) => other - one);
  const all = errors ? [...labels, ["with an error", errors]] : labels;
  return all.map(([label, number]) => ({ label, number, share: number / rows }));
}

function countRow({ label, number, share }) {
  const meter = Object.assign(document.createElement("meter"), { max: 1, value: share, textContent: percent(share) });
  meter.setAttribute("aria-label", label);
  return cells(heading(label), number.toLocaleString("en"), [meter, " ", percent(share)]);
}

function previewRow({ text, label, error, probability }) {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  const own = Object.assign(document.createElement("span"), { dir: "auto", textContent: shown });
  const figure = Object.assign(document.createElement("span"), {
    className: "files-figure",
    textContent: percent(Number(probability)),
  });
  return error ? cells([own], error) : cells([own], [label, " ", figure]);
}

function heading(text) {
  return Object.assign(document.createElement("th"), { scope: "row", textContent: text });
}

function cells(...contents) {
  const row = document.createElement("tr");
  for (const content of contents) {
    if (content instanceof HTMLTableCellElement) row.append(content);
    else row.insertCell().append(...[content].flat());
  }
  return row;
}

function fill(table, rows) {
  find(`${table} tbody`).replaceChildren(...rows);
}

function show(phase, part, elapsed = 0) {
  parts.progress.hidden = false;
  if (parts.phase.textContent !== phase) say(`${phase}.`);
  parts.phase.textContent = phase;
  parts.figure.textContent = part === null ? "" : `${percent(part)}${left(part, elapsed)}`;
  if (part === null) parts.bar.removeAttribute("value");
  else parts.bar.value = part;
}

/** Time left, once there is enough to judge by. */
function left(part, elapsed) {
  if (elapsed < 3000 || part < 0.01) return "";
  const seconds = Math.round(((elapsed / part) * (1 - part)) / 1000);
  return seconds < 90 ? `, about ${seconds} s left` : `, about ${Math.round(seconds / 60)} min left`;
}

function clear() {
  parts.error.replaceChildren();
  parts.result.hidden = true;
  say("");
}

function stop(then) {
  request = null;
  parts.progress.hidden = true;
  parts.phase.textContent = "";
  parts.button.disabled = false;
  then();
}

function fail(sentence) {
  const lines = sentence.split("\n").map((line) => Object.assign(document.createElement("p"), { textContent: line }));
  const alert = document.createElement("div");
  alert.setAttribute("role", "alert");
  alert.append(...lines);
  parts.error.replaceChildren(alert);
  say("");
}

function say(text) {
  parts.status.textContent = text;
}

const percent = (part) => part.toLocaleString("en", { style: "percent", minimumFractionDigits: 1 });
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${(bytes / 1024 ** power).toLocaleString("en", { maximumFractionDigits: power ? 1 : 0 })} ${units[power]}`;
}
