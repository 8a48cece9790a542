/** The section for files: sends one up, shows how far it is, and what came back. Without this the form just posts. */

import { read, suffix } from "./scored.js";

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
  column: find(".files-column span"),
  notes: find(".files-notes"),
};
const tones = new Map(Object.entries(JSON.parse(section.dataset.tones)));

let request = null;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (request === null) send(form.elements.file.files[0], chosenFields());
});
find(".files-sample")?.addEventListener("click", (event) => {
  event.preventDefault();
  if (request === null) trySample(event.currentTarget.href);
});
find(".files-cancel").addEventListener("click", () => request?.abort());
addEventListener("beforeunload", (event) => {
  if (request !== null) event.preventDefault();
});

/** How the form says that the file is to be read. */
function chosenFields() {
  return Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string"));
}

async function trySample(address) {
  try {
    const sample = await (await fetch(address)).blob();
    send(new File([sample], "sample.csv"), {});
  } catch {
    fail(navigator.onLine ? "The sample file did not come; try again in a moment." : offline());
  }
}

/**
 * Sends a file and shows what comes back.
 *
 * fetch cannot tell how much of a body is sent, so this is an XMLHttpRequest; its Blob may be on disk.
 *
 * @param {File} file
 * @param {Record<string, string>} fields of the form, which say how the file is to be read
 */
function send(file, fields) {
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
  request.onload = () => received(request, file, fields);
  request.onerror = () =>
    stop(() => fail(navigator.onLine ? "The connection broke off; send the file again." : offline()));
  request.onabort = () => stop(() => say("Stopped."));
  show("Sending", 0);
  request.send(body(file, fields));
  parts.button.disabled = true;
}

function body(file, fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  data.set("file", file);
  return data;
}

function unfit(file) {
  const maxBytes = Number(form.dataset.maxBytes);
  if (file.size > maxBytes) {
    return `The file has ${size(file.size)}; at most ${size(maxBytes)} are accepted.`;
  }
  return navigator.onLine ? "" : offline();
}

const offline = () => "You are offline; the file can be sent when you are back.";

/** The part of the answer that is here; the server can only foresee its length. */
function answered({ getResponseHeader }, loaded) {
  const expected = Number(getResponseHeader.call(request, "X-Expected-Bytes"));
  return expected ? Math.min(loaded / expected, 0.99) : null;
}

async function received(answer, file, fields) {
  if (answer.status !== 200) {
    const error = await refusal(answer);
    return stop(() => fail(error.sentence, remedy(error, file, fields)));
  }
  say("Counting.");
  const result = await read(answer);
  stop(() => present(result, answer, file));
}

async function refusal({ response, status }) {
  try {
    const { detail, code, columns, request_id: id } = JSON.parse(await response.text());
    return { sentence: `${detail.replaceAll("`", "")}\nRequest ${id}`, code, columns };
  } catch {
    return { sentence: `The server answered with status ${status}.` };
  }
}

/** A form that sends the same file again, read in another way; null where there is no other way to offer. */
function remedy({ code, columns }, file, fields) {
  const template = columns?.length ? "files-choose-column" : code === "not_utf8" ? "files-choose-encoding" : null;
  if (template === null) return null;
  const offer = document.getElementById(template).content.firstElementChild.cloneNode(true);
  offer.querySelector("select")?.append(...(columns ?? []).map((name) => new Option(name, name)));
  offer.addEventListener("submit", (event) => {
    event.preventDefault();
    send(file, { ...fields, ...Object.fromEntries(new FormData(offer)) });
  });
  return offer;
}

function present(result, answer, file) {
  const { rows, errors, preview, column } = result;
  parts.summary.textContent =
    `${count(rows, "row")} scored` + (errors ? `, ${errors.toLocaleString("en")} of them with an error` : "");
  const name = `${file.name.replace(/\.[^.]*$/, "")}-scored${suffix(answer)}`;
  URL.revokeObjectURL(parts.download.href);
  parts.download.href = URL.createObjectURL(answer.response);
  parts.download.download = name;
  parts.download.textContent = `Download ${name} (${size(answer.response.size)})`;
  parts.column.textContent = column;
  parts.column.parentElement.hidden = !column;
  parts.notes.replaceChildren(...notes(answer).map((note) => element("li", { textContent: note })));
  parts.notes.hidden = notes(answer).length === 0;
  fill(".files-counts", shares(result).map((share) => countRow(share)));
  find("[data-text]").textContent = column || "Row";
  fill(".files-preview", preview.map((row) => previewRow(row)));
  parts.result.hidden = false;
  say(`${parts.summary.textContent}. The download is ready.`);
  parts.summary.focus();
}

/** What the server decided when it read the file, and its user should know: sentences. */
function notes(answer) {
  return decodeURIComponent(answer.getResponseHeader("X-Notes") ?? "")
    .split("\n")
    .filter(Boolean);
}

function shares({ rows, errors, counts }) {
  const labels = [...counts].sort(([, one], [, other]) => other - one);
  const all = errors ? [...labels, ["with an error", errors]] : labels;
  return all.map(([label, number]) => ({ label, number, share: number / rows }));
}

function countRow({ label, number, share }) {
  const meter = element("meter", { max: 1, value: share, textContent: percent(share) });
  meter.setAttribute("aria-label", label);
  const row = cells(heading(label), number.toLocaleString("en"), [meter, " ", percent(share)]);
  row.className = tones.get(label) ?? "";
  return row;
}

function previewRow({ text, label, error, probability, uncertain }) {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  const start = element("span", { dir: "auto", textContent: shown });
  if (!label) return cells([start], error);
  const name = element("span", { className: tones.get(label) ?? "", textContent: label });
  // Beside semicolons the answer may have decimal commas.
  const share = percent(Number(probability.replace(",", ".")));
  const figure = element("span", { className: "files-figure", textContent: share });
  const unsure = uncertain === "true" ? " not sure" : "";
  return cells([start], [name, " ", figure, unsure, error && element("div", { textContent: error })]);
}

function heading(text) {
  return element("th", { scope: "row", textContent: text });
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
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

/** Tells what went wrong, with a form below that may mend it, or null. */
function fail(sentence, offer = null) {
  const alert = document.createElement("div");
  alert.setAttribute("role", "alert");
  alert.append(...sentence.split("\n").map((line) => element("p", { textContent: line })));
  parts.error.replaceChildren(...[alert, offer].filter(Boolean));
  say("");
}

function say(text) {
  parts.status.textContent = text;
}

const percent = (part) => part.toLocaleString("en", { style: "percent", minimumFractionDigits: 1 });
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${(bytes / 1024 ** power).toLocaleString("en", { maximumFractionDigits: power ? 1 : 0 })} ${units[power]}`;
}
