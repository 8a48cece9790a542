import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

import pytest

from serving.batching.batcher import Batcher
from serving.errors import InferenceFailed, NotReady, Overloaded, RowsError
from serving.model.predictor import BATCH
from serving.model.types import Prediction
from serving.settings import Settings
from serving.web.files.csv_stream import PIECE, PIECES, FileAnswer, open_upload
from serving.web.files.uploads import Upload
from tests.serving.fakes import LABELS, FakePredictor

pytestmark = pytest.mark.anyio


def upload_of(content: bytes, **fields: str) -> Upload:
    options: dict[str, Any] = {"text_column": "", "delimiter": "", "encoding": "utf-8"} | fields
    return Upload(io.BytesIO(content), len(content), content.count(b"\n"), **options)


def answer_of(content: bytes, predictor: FakePredictor, *, limit: int = 10, rows: int = 2) -> FileAnswer:
    opened = open_upload(upload_of(content), Settings(), LABELS, "text")
    return FileAnswer(opened, Batcher(predictor, limit=limit), asyncio.Semaphore(1), lambda _: None, rows)


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


async def whole(answer: FileAnswer) -> bytes:
    await answer.begin()
    return b"".join([page async for page in answer.pages()])


def test_as_many_files_as_are_taken_leave_room_for_a_request() -> None:
    settings = Settings()
    assert settings.max_files * PIECE + settings.max_texts <= settings.queue_limit
    assert PIECE % BATCH == 0


async def test_every_row_comes_back_in_order() -> None:
    predictor = FakePredictor()
    content = b"text\n" + b"".join(b"good %d\n" % i if i % 3 else b"\n" for i in range(101))
    rows = rows_of(await whole(answer_of(content, predictor)))
    assert [row["text"] for row in rows] == [f"good {i}" if i % 3 else "" for i in range(101)]
    assert [row["label"] for row in rows] == ["positive" if i % 3 else "" for i in range(101)]
    assert predictor.seen == [f"good {i}" for i in range(101) if i % 3]


async def test_rows_of_like_length_are_predicted_together() -> None:
    predictor = FakePredictor()
    texts = [f"{'good' if i % 2 else 'bad'} {'x' * (i * 7 % 30)}" for i in range(2 + 2 * PIECES + 3)]
    content = "text\n" + "".join(f"{text}\n" for text in texts)
    rows = rows_of(await whole(answer_of(content.encode(), predictor)))
    assert [row["text"] for row in rows] == texts
    assert [row["label"] for row in rows] == ["positive" if i % 2 else "negative" for i in range(len(texts))]
    first, page, rest = texts[:2], texts[2 : 2 + 2 * PIECES], texts[2 + 2 * PIECES :]
    assert predictor.seen == [*sorted(first, key=len), *sorted(page, key=len), *sorted(rest, key=len)]


async def test_the_first_columns_are_guessed_or_given() -> None:
    content = b"id;what they say\n1;so good today\n"
    opened = open_upload(upload_of(content), Settings(), LABELS, "text")
    assert (opened.text_column, opened.writer.delimiter) == ("what they say", ";")
    assert open_upload(upload_of(content, text_column="id"), Settings(), LABELS, "text").text_column == "id"
    with pytest.raises(RowsError, match="no column 'x'; found: 'id', 'what they say'; text_column names another"):
        open_upload(upload_of(content, text_column="x"), Settings(), LABELS, "text")
    with pytest.raises(RowsError, match="it has no rows below its header"):
        open_upload(upload_of(b"text\n"), Settings(), LABELS, "text")


async def test_a_mark_of_a_spreadsheet_is_kept() -> None:
    assert (await whole(answer_of(b"\xef\xbb\xbftext\ngood\n", FakePredictor()))).startswith(b"\xef\xbb\xbftext,label")


async def test_the_length_is_foreseen() -> None:
    content = b"id,text\n" + b"7,a good day\n" * 1000
    answer = answer_of(content, FakePredictor())
    size = len(await whole(answer))
    assert abs(answer.expected_size(upload_of(content)) - size) < size / 50


async def test_long_rows_make_short_pages() -> None:
    """Some pages of a file are in memory at once, whatever its rows are."""
    content = b"text,more\n" + b"good,%s\n" % (b"x" * 1_000_000) * 30
    answer = answer_of(content, FakePredictor())
    await answer.begin()
    sizes = [len(page) async for page in answer.pages()]
    assert sum(sizes) > 30_000_000
    assert max(sizes) < 7_000_000


class Failing(FakePredictor):
    """Fails at any piece with this text in it."""

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
    rows = rows_of(await whole(answer_of(content, Failing("good"))))
    failed = "the prediction failed"
    assert [row["error"] for row in rows] == ["", "", "", failed, failed, ""]


CONTENT = b"text\ngood 0\ngood 1\ngood 2\ngood 3\ngood 4\n"


async def test_a_piece_that_fails_says_so_and_the_next_ones_are_answered() -> None:
    rows = rows_of(await whole(answer_of(CONTENT, Failing("good 2"))))
    failed = "the prediction failed"
    assert [row["error"] for row in rows] == ["", "", failed, failed, ""]


async def test_where_the_first_piece_fails_there_is_no_answer() -> None:
    with pytest.raises(InferenceFailed):
        await answer_of(CONTENT, Failing("good 0")).begin()


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


async def test_a_full_queue_refuses_the_first_piece() -> None:
    predictor = FakePredictor()
    batcher = Batcher(predictor, limit=4)
    opened = open_upload(upload_of(CONTENT), Settings(), LABELS, "text")
    async with held(batcher, predictor, 4):
        with pytest.raises(Overloaded):
            await FileAnswer(opened, batcher, asyncio.Semaphore(1), lambda _: None, 2).begin()


async def test_a_full_queue_holds_up_the_next_pieces() -> None:
    predictor = FakePredictor()
    batcher = Batcher(predictor, limit=4)
    answer = FileAnswer(
        open_upload(upload_of(CONTENT), Settings(), LABELS, "text"), batcher, asyncio.Semaphore(1), lambda _: None, 2
    )
    await answer.begin()
    async with held(batcher, predictor, 3):
        reading = asyncio.ensure_future(_all(answer))
        done, _ = await asyncio.wait({reading}, timeout=0.3)
        assert not done
        assert batcher.load == 3
    assert [row["label"] for row in rows_of(await reading)] == ["positive"] * 5


async def _all(answer: FileAnswer) -> bytes:
    return b"".join([page async for page in answer.pages()])


async def test_at_most_one_piece_waits_and_a_reader_who_stops_stops_the_work() -> None:
    predictor = FakePredictor()
    opened = open_upload(upload_of(b"text\n" + b"good\n" * 100), Settings(), LABELS, "text")
    batcher = Batcher(predictor, limit=100)
    answer = FileAnswer(opened, batcher, asyncio.Semaphore(1), lambda _: None, 2)
    await answer.begin()
    predictor.gate.clear()
    pages = answer.pages()
    await anext(pages)
    assert await asyncio.to_thread(_wait, predictor.started)
    assert batcher.load == 2
    await pages.aclose()
    predictor.gate.set()
    await batcher.aclose()
    assert len(predictor.seen) <= 4


async def test_one_whose_client_reads_nothing_takes_no_turn() -> None:
    turns, predictor = asyncio.Semaphore(1), FakePredictor()
    batcher = Batcher(predictor, limit=100)

    def answer() -> FileAnswer:
        opened = open_upload(upload_of(b"text\n" + b"good\n" * 500), Settings(), LABELS, "text")
        return FileAnswer(opened, batcher, turns, lambda _: None, 2)

    unread = answer()
    await unread.begin()
    pages = unread.pages()
    await anext(pages)
    assert len(rows_of(await asyncio.wait_for(whole(answer()), 30))) == 500
    assert len(rows_of(b"text,label\n" + b"".join([page async for page in pages]))) < 500


async def test_files_take_turns_at_being_predicted() -> None:
    turns, predictor = asyncio.Semaphore(1), FakePredictor()
    batcher = Batcher(predictor, limit=100)

    def answer(name: str) -> FileAnswer:
        content = b"text\n" + f"good {name}\n".encode() * 500
        return FileAnswer(
            open_upload(upload_of(content), Settings(), LABELS, "text"), batcher, turns, lambda _: None, 2
        )

    await asyncio.gather(whole(answer("a")), whole(answer("b")))
    names = "".join(text[-1] for text in predictor.seen)
    assert names.rindex("a") > names.index("b" * 80)
    assert names.rindex("b") > names.index("a" * 80)
    assert names.count("ab") + names.count("ba") < 20, "whole pages, which are predicted by length"


async def test_a_service_that_stops_breaks_the_answer_off() -> None:
    opened = open_upload(upload_of(CONTENT), Settings(), LABELS, "text")
    batcher = Batcher(FakePredictor(), limit=10)
    answer = FileAnswer(opened, batcher, asyncio.Semaphore(1), lambda _: None, 2)
    await answer.begin()
    await batcher.aclose()
    with pytest.raises(NotReady):
        await _all(answer)


async def test_predictions_are_counted() -> None:
    counted: list[Prediction] = []
    opened = open_upload(upload_of(CONTENT), Settings(), LABELS, "text")
    await whole(FileAnswer(opened, Batcher(FakePredictor(), limit=10), asyncio.Semaphore(1), counted.extend, 2))
    assert len(counted) == 5


def _wait(event: Event) -> bool:
    return event.wait(timeout=30)
