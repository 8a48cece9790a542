"""Benchmark of files beside the predictor alone, on the same rows in one run: rows per second and memory.

python -m benchmarks.files [--bundle artifacts] [--rows 1000000] [--folder DIR]

Each way runs in a process of its own, one after the other. A machine's speed drifts within minutes, so the predictor
alone is measured before and after what is held beside it, and the mean of both counts. It gets the rows as a list, in
chunks of like size, in as many threads as the way beside it, its tokenizer's among them, and its loading is not
counted; `score` is timed from its start to its end, and the upload from the first byte sent to the last one received.
Every row must come back, in order. Memory is the peak of the process's resident set; that of the service is also taken
after a file of a hundredth of the rows. On Linux, which tells it. A bundle of fields is given rows of its fields.
"""

import argparse
import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from benchmarks.fields import drawn_rows
from benchmarks.serving.processes import free_port, without_settings
from serving.model.bundle import Bundle
from serving.model.inputs.fields import FieldsInput
from serving.process import processors
from serving.scoring.score import SWITCH_INTERVAL
from serving.tables.base import CHUNK_ROWS

_WORDS = (
    *("the", "a", "my", "this", "that", "we", "they", "it", "train", "show", "coffee", "game", "match", "queue"),
    *("office", "phone", "weather", "meeting", "song", "team", "river", "bakery", "bus", "deadline", "garden"),
    *("is", "was", "were", "feels", "sounds", "looked", "arrived", "closed", "opened", "broke", "worked", "miss"),
    *("great", "awful", "late", "lovely", "boring", "wonderful", "terrible", "fine", "slow", "quick", "cold", "loud"),
    *("so", "very", "really", "quite", "never", "always", "again", "today", "tonight", "finally", "love", "hate"),
    *("because", "and", "but", "with", "without", "after", "before"),
)
_ENDS = (
    "",
    "!",
    "?",
    "...",
    " :)",
    " :(",
    " 😀",
    " 👍🏽",
    " #monday",
    ', "they said"',
    "\nreally",
    " https://example.com/a1",
)
_HANDLES = ("", "", "", "@harbourswim ", "RT @greenfieldfc: ")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One way's figures. `alone`: the rate of the predictor alone in as many threads; `memory` in MB."""

    name: str
    rows: int
    seconds: float
    memory: float
    alone: float = 0.0

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def main() -> None:
    """Measure all ways and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("artifacts"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the files are kept; default: a temporary one")
    parser.add_argument("--threads", type=int, default=processors())
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if sys.platform != "linux":
        parser.error(f"found {sys.platform}; accepted: linux, which tells a process's peak memory")
    if options.alone:
        sys.stdout.write(f"{alone(options.bundle, options.rows, options.threads)}\n")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        measurements, size = compare(options.bundle, options.rows, folder, options.threads)
    sys.stdout.write(table(measurements, options.rows, size) + "\n")


def compare(bundle: Path, rows: int, folder: Path, threads: int) -> tuple[list[Measurement], int]:
    """The figures of all ways, and the file's size in bytes."""
    source, few = folder / "rows.csv", folder / "few.csv"
    write_rows(source, records(bundle, rows))
    write_rows(few, records(bundle, max(rows // 100, 1)))
    many = _alone(bundle, rows, threads)
    score = _score(bundle, source, folder / "scored.csv", threads)
    many = _mean(many, _alone(bundle, rows, threads))
    one = _alone(bundle, rows, 1)
    uploads = [_upload(bundle, path, folder / "answer.csv") for path in (few, source)]
    one = _mean(one, _alone(bundle, rows, 1))
    uploads = [replace(upload, alone=one.rate) for upload in uploads]
    return [many, replace(score, alone=many.rate), one, *uploads], source.stat().st_size


def _mean(before: Measurement, after: Measurement) -> Measurement:
    return replace(after, seconds=(before.seconds + after.seconds) / 2, memory=max(before.memory, after.memory))


def alone(bundle: Path, rows: int, threads: int) -> float:
    """Seconds that the predictor takes for the rows by itself."""
    if threads == 1:  # or the tokenizer would take all cores, which it is not given in the service
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from serving.model.predictor import Predictor

    predictor = Predictor.load(bundle)
    all_rows = [record if predictor.fields else record["text"] for record in records(bundle, rows)]
    chunks = [all_rows[start : start + CHUNK_ROWS] for start in range(0, rows, CHUNK_ROWS)]
    predictor.predict(all_rows[:200])
    sys.setswitchinterval(SWITCH_INTERVAL)
    start = time.perf_counter()
    if threads == 1:
        predictions = sum(len(predictor.predict(chunk)) for chunk in chunks)
    else:
        with ThreadPoolExecutor(threads) as pool:
            predictions = sum(map(len, pool.map(predictor.predict, chunks)))
    if predictions != rows:
        raise ValueError(f"{predictions:,} predictions for {rows:,} rows")
    return time.perf_counter() - start


def _alone(bundle: Path, rows: int, threads: int) -> Measurement:
    options = ["--alone", "--bundle", str(bundle), "--rows", str(rows), "--threads", str(threads)]
    seconds, memory = _run([sys.executable, "-m", "benchmarks.files", *options])
    return Measurement(f"the predictor alone, threads: {threads}", rows, float(seconds), memory)


def _score(bundle: Path, source: Path, target: Path, threads: int) -> Measurement:
    start = time.perf_counter()
    options = ["--output", str(target), "--bundle", str(bundle), "--threads", str(threads)]
    _, memory = _run([sys.executable, "-m", "serving", "score", str(source), *options])
    seconds = time.perf_counter() - start
    return Measurement(f"`score`, threads: {threads}", check_rows(source, target), seconds, memory)


def _upload(bundle: Path, source: Path, target: Path) -> Measurement:
    with _service(bundle) as (process, port), httpx.Client(trust_env=False, timeout=None) as client:
        start = time.perf_counter()
        with source.open("rb") as file, target.open("wb") as answer:
            sent = {"file": (source.name, file, "text/csv")}
            with client.stream("POST", f"http://127.0.0.1:{port}/predict/file", files=sent) as response:
                response.raise_for_status()
                for chunk in response.iter_raw():
                    answer.write(chunk)
        seconds = time.perf_counter() - start
        memory = _peak(process.pid)
    size = source.stat().st_size / 1e6
    return Measurement(f"upload of {size:,.0f} MB, threads: 1", check_rows(source, target), seconds, memory)


@contextmanager
def _service(bundle: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    environment = without_settings() | {"MODEL_DIR": str(bundle), "MAX_FILE_BYTES": str(2**31), "PORT": str(port)}
    command = [sys.executable, "-m", "serving.server"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield process, port
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    with httpx.Client(trust_env=False) as client:
        while process.poll() is None:
            try:
                client.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
            except httpx.ConnectError:
                time.sleep(0.1)
            else:
                return
    raise RuntimeError("the service did not start")


def _run(command: list[str]) -> tuple[str, float]:
    """A command's output, and its peak memory in MB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with process.stdout or open(os.devnull) as stdout:  # noqa: PTH123
        output = stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output, usage.ru_maxrss * 1024 / 1e6


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmHWM"].split()[0]) * 1024 / 1e6


def table(measurements: list[Measurement], rows: int, size: int) -> str:
    """Markdown."""
    lines = [f"{rows:,} rows, {size / 1e6:,.0f} MB:", "", "| way | rows/s | of the predictor alone | peak memory |"]
    lines.append("|---|---:|---:|---:|")
    for way in measurements:
        share = f"{way.rate / way.alone:.0%}" if way.alone else ""
        lines.append(f"| {way.name} | {way.rate:,.0f} | {share} | {way.memory:,.0f} MB |")
    return "\n".join(lines)


def texts(rows: int, seed: int = 1) -> Iterator[str]:
    """So many texts, of 3 to 32 words."""
    draw = random.Random(seed)
    for _ in range(rows):
        words = draw.choices(_WORDS, k=min(3 + int(draw.expovariate(1 / 11)), 32))
        yield draw.choice(_HANDLES) + " ".join(words) + draw.choice(_ENDS)


def records(bundle: Path, rows: int) -> Iterator[dict[str, str]]:
    """So many rows by the names of their columns: texts, or the bundle's fields."""
    found = Bundle.read(bundle)
    if found.metadata.inputs == "fields":
        return drawn_rows(FieldsInput.read(found.input_file), rows)
    return text_records(rows)


def text_records(rows: int, seed: int = 1) -> Iterator[dict[str, str]]:
    """So many rows of texts."""
    return ({"text": text} for text in texts(rows, seed))


def write_rows(path: Path, rows: Iterable[dict[str, str]]) -> None:
    """A CSV of them; of texts, of about a hundred bytes a row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, row in enumerate(rows):
            if not number:
                writer.writerow(["id", "posted", *row])
            posted = f"2026-11-{1 + number % 28:02d}T{number % 24:02d}:00"
            writer.writerow([f"{number:010d}", posted, *row.values()])


def check_rows(source: Path, scored: Path) -> int:
    """How many rows there are. Raises ValueError unless all came back in order, as written, each with a label."""
    rows = 0
    with source.open(encoding="utf-8", newline="") as before, scored.open(encoding="utf-8", newline="") as after:
        source_rows, scored_rows = csv.reader(before), csv.reader(after)
        columns = len(next(source_rows))
        label_column = next(scored_rows).index("label")
        for source_row in source_rows:
            scored_row = next(scored_rows, [])
            if scored_row[:columns] != source_row or not scored_row[label_column]:
                raise ValueError(f"row {rows:,} is {scored_row!r}; it was {source_row!r}")
            rows += 1
        if next(scored_rows, None) is not None:
            raise ValueError(f"more than {rows:,} rows came back")
    return rows


if __name__ == "__main__":
    main()
