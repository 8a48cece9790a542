import asyncio
import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from threading import Event

import pytest
from starlette.types import Message

from serving.batching.batcher import Batcher
from serving.errors import InferenceFailed, NotReady, Overloaded, RowsError
from serving.model.inputs.text import BATCH
from serving.model.types import Prediction
from serving.settings import Settings
from serving.tables.base import CHUNK_ROWS, ReadOptions
from serving.tables.formats import table_input
from serving.web.files.answer import QUEUED_TEXTS, SENT_BYTES, FileAnswer, FileResponse, OpenedFile, open_upload
from serving.web.files.uploads import Upload
from tests.serving.fakes import FakePredictor

pytestmark = pytest.mark.anyio


def opened(content: bytes, text_column: str = "", encoding: str = "", output_encoding: str = "") -> OpenedFile:
    upload = Upload(io.BytesIO(content), ReadOptions(encoding, size=len(content)), text_column, output_encoding)
    return open_upload(upload, Settings(), table_input(FakePredictor()))


def answer_of(
    content: bytes,
    batcher: Batcher,
    predict_slots: asyncio.Semaphore | None = None,
    count: Callable[[Sequence[Prediction]], None] = lambda _: None,
    queued_texts: int = 2,
) -> FileAnswer:
    return FileAnswer(opened(content), batcher, predict_slots or asyncio.Semaphore(1), count, queued_texts)


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


async def whole(answer: FileAnswer) -> bytes:
    await answer.begin()
    return await remaining(answer)


async def remaining(answer: FileAnswer) -> bytes:
    return b"".join([part async for part in answer.parts()])


async def answer_to(content: bytes, predictor: FakePredictor, queued_texts: int = 2) -> bytes:
    return await whole(answer_of(content, Batcher(predictor, limit=1000), queued_texts=queued_texts))


def test_as_many_files_as_are_predicted_leave_room_for_a_request() -> None:
    settings = Settings()
    assert settings.max_files * QUEUED_TEXTS + settings.max_texts <= settings.queue_limit
    assert QUEUED_TEXTS % BATCH == 0


async def test_every_row_comes_back_in_order() -> None:
    predictor = FakePredictor()
    content = b"text\n" + b"".join(b"good %d\n" % i if i % 3 else b"\n" for i in range(101))
    rows = rows_of(await answer_to(content, predictor))
    assert [row["text"] for row in rows] == [f"good {i}" if i % 3 else "" for i in range(101)]
    assert [row["label"] for row in rows] == ["positive" if i % 3 else "" for i in range(101)]
    assert sorted(predictor.seen) == sorted(f"good {i}" for i in range(101) if i % 3)


async def test_rows_of_like_length_are_predicted_together() -> None:
    predictor = FakePredictor()
    texts = [f"{'good' if i % 2 else 'bad'} {'x' * (i * 7 % 30)}" for i in range(QUEUED_TEXTS + CHUNK_ROWS + 5)]
    rows = rows_of(await answer_to("\n".join(["text", *texts]).encode(), predictor, QUEUED_TEXTS))
    assert [row["text"] for row in rows] == texts
    assert [row["label"] for row in rows] == ["positive" if i % 2 else "negative" for i in range(len(texts))]
    first, others = texts[:QUEUED_TEXTS], texts[QUEUED_TEXTS:]
    chunks = others[:CHUNK_ROWS], others[CHUNK_ROWS:]
    assert predictor.seen == [*first, *(text for chunk in chunks for text in sorted(chunk, key=len))]


def test_the_columns_are_found_or_named() -> None:
    content = b"id;what they say\n1;so good today\n"
    assert opened(content).table.extract.text_name == "what they say"
    assert opened(content, text_column="id").table.extract.text_name == "id"
    with pytest.raises(RowsError, match="no column is called 'x'; found: 'id', 'what they say'; name another"):
        opened(content, text_column="x")
    with pytest.raises(RowsError, match="it has no rows below its header"):
        opened(b"text\n")


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"id;text\n1;good\n", "csv"), (b"id\ttext\n1\tgood\n", "tsv"), (b'{"id": 1, "text": "good"}\n', "jsonl")],
)
async def test_a_file_is_answered_in_its_own_kind(content: bytes, name: str) -> None:
    assert opened(content).table.reader.format.name == name
    assert (await answer_to(content, FakePredictor())).startswith(content.partition(b"\n")[0].rstrip(b"}"))


async def test_a_mark_of_a_spreadsheet_is_kept() -> None:
    assert (await answer_to(b"\xef\xbb\xbftext\ngood\n", FakePredictor())).startswith(b"\xef\xbb\xbftext,label")


def test_an_answer_is_utf8_with_a_mark_or_as_is_said() -> None:
    content = "text\ncafé\n".encode("cp1252")
    assert opened(content, encoding="cp1252").writer.header().startswith(b"\xef\xbb\xbftext,label")
    assert opened(content, encoding="cp1252", output_encoding="cp1252").writer.header().startswith(b"text,label")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
async def test_the_length_is_foreseen(encoding: str) -> None:
    content = "id,text\n" + "7,a good café\n" * 1000
    file = opened(content.encode(encoding), encoding=encoding)
    answer = FileAnswer(file, Batcher(FakePredictor(), limit=1000), asyncio.Semaphore(1), lambda _: None)
    size = len(await whole(answer))
    assert abs(answer.expected_bytes() - size) < size / 50


async def test_an_answer_is_sent_in_short_parts() -> None:
    answer = answer_of(b"text,more\n" + b"good,%s\n" % (b"x" * 1000) * 500, Batcher(FakePredictor(), limit=10))
    await answer.begin()
    parts = [part async for part in answer.parts()]
    assert max(map(len, parts)) == SENT_BYTES
    assert b"".join(parts).count(b"\n") == 501


async def test_a_line_that_is_too_long_is_one_row_with_an_error() -> None:
    content = b"text\n" + b"good\n" * 2 * CHUNK_ROWS + b"x" * 1_100_000 + b"\ngood\n"
    answer = answer_of(content, Batcher(FakePredictor(), limit=100), queued_texts=24)
    *_, bad, good = rows_of(await whole(answer))
    assert bad["error"].startswith("the line has more than 1,048,576 characters")
    assert (bad["label"], good["label"]) == ("", "positive")


class Failing(FakePredictor):
    """Fails at any texts with this one among them."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        if self.at in texts:
            raise RuntimeError("weights at 0xdead")
        return super().predict(texts)


async def test_texts_beside_one_that_fails_are_answered() -> None:
    texts = ["good 0", "good 1", "good long enough", "good", "good text 2", "good text 3"]
    content = b"text\n" + b"".join(b"%s\n" % text.encode() for text in texts)
    rows = rows_of(await answer_to(content, Failing("good")))
    failed = "the prediction failed"
    assert [row["error"] for row in rows] == ["", "", "", failed, failed, ""]


CONTENT = b"text\ngood 0\ngood 1\ngood 2\ngood 3\ngood 4\n"


async def test_rows_that_fail_say_so_and_the_next_ones_are_answered() -> None:
    rows = rows_of(await answer_to(CONTENT, Failing("good 2")))
    failed = "the prediction failed"
    assert [row["error"] for row in rows] == ["", "", failed, failed, ""]


async def test_where_the_first_rows_fail_there_is_no_answer() -> None:
    with pytest.raises(InferenceFailed):
        await answer_of(CONTENT, Batcher(Failing("good 0"), limit=10)).begin()


@asynccontextmanager
async def held(batcher: Batcher, predictor: FakePredictor, texts: int) -> AsyncIterator[None]:
    """So many places of the queue are taken, and nothing moves."""
    predictor.started.clear()
    predictor.gate.clear()
    holding = asyncio.ensure_future(batcher.predict(["held"] * texts))
    assert await asyncio.to_thread(predictor.started.wait, 30)
    try:
        yield
    finally:
        predictor.gate.set()
        await holding


async def test_a_full_queue_refuses_the_first_rows() -> None:
    predictor = FakePredictor()
    batcher = Batcher(predictor, limit=4)
    async with held(batcher, predictor, 4):
        with pytest.raises(Overloaded):
            await answer_of(CONTENT, batcher).begin()


async def test_a_full_queue_holds_up_the_next_rows() -> None:
    predictor = FakePredictor()
    batcher = Batcher(predictor, limit=4)
    answer = answer_of(CONTENT, batcher)
    await answer.begin()
    async with held(batcher, predictor, 3):
        reading = asyncio.ensure_future(remaining(answer))
        done, _ = await asyncio.wait({reading}, timeout=0.3)
        assert not done
        assert batcher.load == 3
    assert [row["label"] for row in rows_of(await reading)] == ["positive"] * 5


async def test_few_texts_wait_and_a_reader_who_stops_stops_the_work() -> None:
    predictor = FakePredictor()
    batcher = Batcher(predictor, limit=100)
    answer = answer_of(b"text\n" + b"good\n" * 100, batcher)
    await answer.begin()
    predictor.gate.clear()
    parts = answer.parts()
    await anext(parts)
    assert await asyncio.to_thread(_wait, predictor.started)
    assert batcher.load == 2
    await parts.aclose()
    predictor.gate.set()
    await batcher.aclose()
    assert len(predictor.seen) <= 4


LARGE = b"text\n" + b"good\n" * 3 * CHUNK_ROWS


async def test_one_whose_client_reads_nothing_takes_no_turn() -> None:
    slots, batcher = asyncio.Semaphore(1), Batcher(FakePredictor(), limit=100)
    unread = answer_of(LARGE, batcher, slots, queued_texts=24)
    await unread.begin()
    parts = unread.parts()
    await anext(parts)
    read = answer_of(LARGE, batcher, slots, queued_texts=24)
    assert len(rows_of(await asyncio.wait_for(whole(read), 30))) == 3 * CHUNK_ROWS
    await parts.aclose()


async def test_files_take_turns_at_being_predicted() -> None:
    slots, predictor = asyncio.Semaphore(1), FakePredictor()
    batcher = Batcher(predictor, limit=100)
    files = [
        answer_of(LARGE.replace(b"good", name), batcher, slots, queued_texts=24) for name in (b"good a", b"good b")
    ]
    await asyncio.gather(*map(whole, files))
    names = "".join(text[-1] for text in predictor.seen)
    assert names.rindex("a") > names.index("b" * CHUNK_ROWS)
    assert names.rindex("b") > names.index("a" * CHUNK_ROWS)
    assert names.count("ab") + names.count("ba") < 20, "whole chunks, which are predicted by length"


async def test_a_service_that_stops_breaks_the_answer_off() -> None:
    batcher = Batcher(FakePredictor(), limit=10)
    answer = answer_of(CONTENT, batcher)
    await answer.begin()
    await batcher.aclose()
    with pytest.raises(NotReady):
        await remaining(answer)


async def test_predictions_are_counted() -> None:
    counted: list[Prediction] = []
    await whole(answer_of(CONTENT, Batcher(FakePredictor(), limit=10), count=counted.extend))
    assert len(counted) == 5


async def test_what_is_in_work_ends_where_the_client_leaves() -> None:
    closed = False

    async def parts() -> AsyncGenerator[bytes, None]:
        nonlocal closed
        try:
            while True:
                yield b"good\n"
        finally:
            closed = True

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Future()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    response = FileResponse(parts(), {}, "text/csv")
    await asyncio.wait_for(response({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send), 30)
    assert closed


def _wait(event: Event) -> bool:
    return event.wait(timeout=30)
