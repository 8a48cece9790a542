/** What came back for a file: its labels counted, its first rows kept. The rest of it is only passed through. */

import { CsvRows } from "./csv.js";

const PREVIEW = 5;

/**
 * Reads an answer.
 *
 * @param {XMLHttpRequest} answer that has come whole, as a Blob
 * @returns {Promise<{rows: number, errors: number, counts: Map<string, number>, preview: object[], column: string}>}
 */
export async function read(answer) {
  const header = (name) => decodeURIComponent(answer.getResponseHeader(name));
  const tabs = answer.getResponseHeader("Content-Type").startsWith("text/tab");
  const pieces = answer.response.stream().pipeThrough(new TextDecoderStream()).getReader();
  const found = { rows: 0, errors: 0, counts: new Map(), preview: [], column: header("X-Text-Column") };
  let rows = null;
  let places = null;
  for (;;) {
    const { value = "", done } = await pieces.read();
    rows ??= new CsvRows(tabs ? "\t" : delimiter(value, header("X-Label-Column")));
    for (const row of rows.push(value, done)) {
      if (places === null) places = placed(row, header, found.counts);
      else take(found, row, places);
    }
    if (done) return found;
  }
}

/** What stands before the first added column in the header. */
function delimiter(text, label) {
  return text.includes(`;${label};`) ? ";" : ",";
}

function placed(names, header, counts) {
  const label = names.lastIndexOf(header("X-Label-Column"));
  const prefix = `${names[label].slice(0, -"label".length)}p_`;
  for (const name of names.slice(label + 2, -1)) counts.set(name.slice(prefix.length), 0);
  return { text: names.indexOf(header("X-Text-Column")), label, error: names.length - 1 };
}

function take(found, row, places) {
  const error = row[places.error];
  const label = row[places.label];
  found.rows += 1;
  if (error) found.errors += 1;
  // A label that a spreadsheet would run has an apostrophe before it.
  else {
    const name = found.counts.has(label) ? label : label.slice(1);
    found.counts.set(name, (found.counts.get(name) ?? 0) + 1);
  }
  if (found.preview.length < PREVIEW) {
    found.preview.push({ text: row[places.text], label, error, probability: row[places.label + 1] });
  }
}
