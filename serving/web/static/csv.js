/**
 * Rows of a CSV (RFC 4180) whose text comes in pieces.
 *
 * Only a row that has not ended yet is kept between pieces. A line break inside quotes is part of its cell; blank
 * lines are no rows.
 */
export class CsvRows {
  #rest = "";
  #delimiter;
  #stops;

  /** @param {string} delimiter one character */
  constructor(delimiter) {
    this.#delimiter = delimiter;
    this.#stops = new RegExp(`[${delimiter}\r\n]`, "g");
  }

  /**
   * The rows that end in this piece, each an array of its cells.
   *
   * @param {string} text the next piece
   * @param {boolean} last whether the text ends with it
   */
  *push(text, last = false) {
    this.#rest += text;
    let start = 0;
    for (;;) {
      const row = this.#row(start, last);
      if (row === null) break;
      start = row.end;
      if (row.cells.length > 1 || row.cells[0] !== "") yield row.cells;
    }
    this.#rest = this.#rest.slice(start);
  }

  #row(start, last) {
    const text = this.#rest;
    if (start >= text.length) return null;
    const cells = [];
    for (let at = start; ; ) {
      const cell = text[at] === '"' ? this.#quoted(at, last) : { value: "", end: at };
      if (cell === null) return null;
      this.#stops.lastIndex = cell.end;
      const stop = this.#stops.exec(text)?.index ?? text.length;
      if (stop >= text.length - 1 && !last && text[stop] !== "\n") return null; // a CR may be half of a CR LF
      cells.push(cell.value + text.slice(cell.end, stop));
      if (text[stop] !== this.#delimiter) {
        return { cells, end: stop + (text.startsWith("\r\n", stop) ? 2 : 1) };
      }
      at = stop + 1;
    }
  }

  #quoted(at, last) {
    const text = this.#rest;
    let end = at + 1;
    for (;;) {
      end = text.indexOf('"', end);
      if (end < 0 || (end === text.length - 1 && !last)) {
        return last ? { value: text.slice(at + 1), end: text.length } : null;
      }
      if (text[end + 1] !== '"') break;
      end += 2;
    }
    return { value: text.slice(at + 1, end).replaceAll('""', '"'), end: end + 1 };
  }
}
