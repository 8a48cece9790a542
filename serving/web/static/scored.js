/** What came back for a file: its labels counted, its first rows kept. The rest of it is only passed through. */

import { CsvRows } from "./csv.js";

const PREVIEW = 5;
const ADDED = ["label", "probability", "uncertain", "error"]; // of the columns that are read; there may be no third
const DELIMITERS = [";", "\t", "|"]; // others than the comma

/**
 * Reads an answer. Where no column holds texts, as the model reads fields, a row's text is all of its own cells.
 *
 * @param {XMLHttpRequest} answer that has come whole, as a Blob
 * @returns {Promise<{rows: number, errors: number, counts: Map<string, number>, preview: object[], column: string}>}
 */
export async function read(answer) {
  const header = (name) => decodeURIComponent(answer.getResponseHeader(name) ?? "");
  const names = { text: header("X-Text-Column"), label: header("X-Label-Column") };
  const pieces = answer.response.stream().pipeThrough(new TextDecoderStream()).getReader();
  const result = { rows: 0, errors: 0, counts: new Map(), preview: [], column: names.text };
  let table = null;
  for (;;) {
    const { value = "", done } = await pieces.read();
    table ??= suffix(answer) === ".jsonl" ? new JsonTable(names) : new CsvTable(names, delimiter(value, names.label));
    for (const row of table.push(value, done)) take(result, row, table.labels);
    if (done) break;
  }
  for (const label of table.labels) if (!result.counts.has(label)) result.counts.set(label, 0);
  return result;
}

/** The suffix of the answer's kind, such as ".csv". */
export function suffix(answer) {
  return answer.getResponseHeader("Content-Disposition").match(/\.\w+(?="?$)/)?.[0] ?? ".csv";
}

/** What stands before the first added column in the header. */
function delimiter(text, label) {
  return DELIMITERS.find((mark) => text.includes(`${mark}${label}${mark}`)) ?? ",";
}

/** The added columns' names begin as that of the label does, where the file had such names already. */
const prefixOf = (label) => label.slice(0, -"label".length);

class CsvTable {
  labels = [];
  #names;
  #rows;
  #places = null;
  #own;

  constructor(names, delimiter) {
    this.#names = names;
    this.#rows = new CsvRows(delimiter);
  }

  *push(text, last) {
    for (const cells of this.#rows.push(text, last)) {
      if (this.#places === null) this.#place(cells);
      else yield { text: cells.slice(...this.#own).join(", "), ...this.#added(cells) };
    }
  }

  #place(columns) {
    const { text, label } = this.#names;
    const prefix = prefixOf(label);
    const start = columns.lastIndexOf(label);
    const added = columns.slice(start);
    this.labels = added.filter((name) => name.startsWith(`${prefix}p_`)).map((name) => name.slice(prefix.length + 2));
    const place = columns.indexOf(text);
    this.#own = text ? [place, place + 1] : [0, start];
    const places = ADDED.map((name) => [name, start + added.lastIndexOf(prefix + name)]);
    this.#places = places.filter(([, at]) => at >= start);
  }

  #added(cells) {
    return Object.fromEntries(this.#places.map(([name, place]) => [name, cells[place] ?? ""]));
  }
}

class JsonTable {
  labels = [];
  #names;
  #rest = "";

  constructor(names) {
    this.#names = names;
  }

  *push(text, last) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = last ? "" : lines.pop();
    for (const line of lines) if (line.trim()) yield this.#row(parse(line));
  }

  #row(object) {
    const prefix = prefixOf(this.#names.label);
    const all = Object.keys(object);
    const names = all.filter((name) => name.startsWith(`${prefix}p_`));
    if (this.labels.length === 0) this.labels = names.map((name) => name.slice(prefix.length + 2));
    const added = all.slice(all.indexOf(this.#names.label));
    const values = ADDED.map((name) => (added.includes(prefix + name) ? object[prefix + name] ?? "" : ""));
    const [label, probability, uncertain, error] = values.map(String);
    const own = this.#names.text ? [this.#names.text] : all.slice(0, all.indexOf(this.#names.label));
    const text = own.map((name) => object[name]).join(", ");
    return { text, label, probability, uncertain, error };
  }
}

/** Python's NaN and Infinity, which are no JSON, are null. */
function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return JSON.parse(line.replace(/-?\b(NaN|Infinity)\b/g, "null"));
  }
}

function take(result, row, labels) {
  result.rows += 1;
  if (!row.label) result.errors += 1;
  else {
    // A label that a spreadsheet would run has an apostrophe before it.
    const label = labels.includes(row.label) ? row.label : row.label.slice(1);
    result.counts.set(label, (result.counts.get(label) ?? 0) + 1);
  }
  if (result.preview.length < PREVIEW) result.preview.push(row);
}
