"""Files as Twitter, Kaggle, pandas, R and Excel write them: the page's API and `score` find the same texts in each.

What is beside this has its tests elsewhere:

- what others read back: training/data/test_scored_files.py
- what `score` alone reads and writes (Parquet, `.gz`, pipes, kind to kind): serving/scoring/test_score.py and
  test_scored_files.py, serving/tables/test_parquet.py; its options: serving/test_main.py
- training's columns, header, missing values and causes of errors: training/data/test_sources.py, test_readers.py and
  test_dataset.py; the share of texts that is cut: training/fit/test_trainer.py; what figures are worth, and tables for
  terminals and pipes: training/evaluation/test_tables.py, training/test_console.py and test_main.py; plots and card:
  training/report/; ranges of `tune`: training/tuning/test_space.py; the import that Keras needs:
  training/model/test_backend.py; `make train`: deploy/test_make_train.py
- the list of columns, the encoding that is offered, and the sample: browser/test_refused_files.py and test_files.py
- a path in front: browser/test_prefix.py; the terminal, the log and the port: faults/test_terminal.py,
  serving/test_logs.py, serving/server/test_listener.py
- explanations: serving/model/test_explanation.py, browser/test_explained.py; colours: serving/web/pages/test_render.py
- addresses, forms without `=`, JSON and `partial`: serving/web/routes/test_predict.py,
  serving/web/requests/test_forms.py
"""

import csv
import io
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serving.errors import FileError
from serving.scoring.score import ScoreOptions, score
from serving.tables.base import ReadOptions
from serving.tables.formats import Table, open_reader, open_table, table_input
from tests.serving.fakes import FakePredictor

BIO = "Father of three and lover of dogs and of very long walks by the sea"


@dataclass(frozen=True)
class Case:
    """A file, and what is made of it.

    Attributes:
        content: of the file.
        texts: those that are classified, in order.
        column: that they are in.
        note: what the answer says beside.
        fields: of the form that it is sent with; the same options of `score`.
        suffix: of its name.
        encoding: of the content.
    """

    content: str
    texts: list[str]
    column: str = "text"
    note: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    suffix: str = ".csv"
    encoding: str = "utf-8"


READ = {
    "a bio that is longer": Case(
        f"user_description,tweet_text\n{BIO},I love it\n{BIO}!,so bad\n", ["I love it", "so bad"], "tweet_text"
    ),
    "a bio of a nested object": Case(
        f'id,full_text,user.description\n1,I love it,"{BIO}"\n', ["I love it"], "full_text"
    ),
    "a bio under its own name": Case(f'Tweet Id,Tweet Text,Bio\n1,I love it,"{BIO}"\n', ["I love it"], "Tweet Text"),
    "ids under the name of texts": Case("Tweet,Tweet text\n1234567890,I love it\n", ["I love it"], "Tweet text"),
    "Twitter Analytics": Case(
        "Tweet id,Tweet permalink,Tweet text,time\n1,https://twitter.com/a/status/1,I love it,2020-01-01 10:00 +0000\n",
        ["I love it"],
        "Tweet text",
    ),
    "a blank before a quote": Case('id, "text"\n1, "I love, it"\n2, "bad"\n', ["I love, it", "bad"]),
    "camel case": Case(f"userName,tweetText,userBio\nanna,I love it,{BIO[:20]}\n", ["I love it"], "tweetText"),
    "a column by its sentences": Case(
        "nr,wer,was\n1,anna,das ist sehr schön\n2,bert,das ist sehr schlecht\n",
        ["das ist sehr schön", "das ist sehr schlecht"],
        "was",
    ),
    "no header, a number first": Case(
        "1,I love this so much\n2,I hate this\n", ["I love this so much", "I hate this"], "column_2", "without a header"
    ),
    "two rows, one with a comma too many": Case(
        "1,I love it\n2,well, no\n", ["I love it"], "column_2", "without a header"
    ),
    "a text that could be a name": Case("text,n\nLabel,1\n", ["Label"]),
    "days in texts": Case(
        "Monday is 5 times worse\nSunday was 1 of 7\n",
        ["Monday is 5 times worse", "Sunday was 1 of 7"],
        "column_1",
        "without a header",
    ),
    "a comma in every text, without quotes": Case("id,text\n1,I love this, so much\n2,WORST show, EVER\n", []),
    "the same before another column": Case("text,likes\nI love this, so much,3\nWORST, EVER,1\n", []),
    "SemEval, whose quotes are signs": Case(
        'id\tlabel\ttext\n1\tpositive\t"Gas hit $3.39! I am\n2\tnegative\twatch Rafa"\n',
        ['"Gas hit $3.39! I am', 'watch Rafa"'],
        suffix=".tsv",
    ),
    "a kind of message beside the text": Case(
        "id,message_type,utterance\n1,reply,I love this great thing\n2,original,WORST SHOW EVER it was\n",
        ["I love this great thing", "WORST SHOW EVER it was"],
        "utterance",
    ),
    "blanks above the header": Case(" \nid,text\n1,I love this\n", ["I love this"]),
    "None": Case('id,text\n1,None\n2,I love it\n3,"None"\n', ["I love it", "None"]),
    "plain lines": Case(
        'I love this so much\nworst, really\n"Great" movie, they said\n',
        ["I love this so much", "worst, really", '"Great" movie, they said'],
        "column_1",
        "without a header",
        suffix=".txt",
    ),
    "Sentiment140": Case(
        '"0","1467810369","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","_Special_","@switch that\'s a bummer, café"\n'
        '"4","1467810672","Mon Apr 06 22:19:49 PDT 2009","NO_QUERY","scott","is so happy today"\n',
        ["@switch that's a bummer, café", "is so happy today"],
        "column_6",
        "without a header",
        {"encoding": "latin-1"},
        encoding="latin-1",
    ),
    "Kaggle's twitter_training.csv": Case(
        '2401,Borderlands,Positive,"I am coming to the borders, and I will win"\n'
        "2401,Borderlands,Positive,im getting on it\n",
        ["I am coming to the borders, and I will win", "im getting on it"],
        "column_4",
        "without a header",
    ),
    "questions above dates": Case(
        "#,What could we improve?,Start Date (UTC),Submit Date (UTC)\n"
        "a1,I love it!,2023-01-01 10:00:00,2023-01-01 10:01:00\nb2,so bad.,2023-01-01 11:00:00,2023-01-01 11:01:00\n",
        ["I love it!", "so bad."],
        "What could we improve?",
    ),
    "an abbreviation above numbers": Case(
        "Nr.;Datum;Meinung\n1;01.02.2023;Sehr schön, gerne wieder\n2;02.02.2023;Das war schlecht\n",
        ["Sehr schön, gerne wieder", "Das war schlecht"],
        "Meinung",
    ),
    "an abbreviation above one column of numbers": Case(
        "No.,Tweet.\n1,I love it so!\n2,so bad.\n", ["I love it so!", "so bad."], "Tweet.", "taken for the names"
    ),
    "pandas's numbers for names": Case("0,1,2\n10,I love it,4\n11,bad it is,0\n", ["I love it", "bad it is"], "1"),
    "the same behind an index": Case(",0,1\n0,10,I love it\n1,11,bad it is\n", ["I love it", "bad it is"], "1"),
    "a question above one column of dates": Case(
        "Wann,Was denken Sie?\n2023-01-01,das ist sehr schön!\n2023-01-02,das ist schlecht.\n",
        ["das ist sehr schön!", "das ist schlecht."],
        "Was denken Sie?",
        "taken for the names",
    ),
    "a blank row above the header": Case(",,\n,id,text\n,1,I love it\n,2,bad\n", ["I love it", "bad"]),
    "files that were joined": Case("id,text\n1,I love it\nid,text\n2,bad\n", ["I love it", "bad"]),
    "counts under a name of texts": Case(
        "Caption,Comments\nwhat a day it was,1.2K\nso fine it is,340\n",
        ["what a day it was", "so fine it is"],
        "Caption",
    ),
    "places under a name of texts": Case(
        'tweet_coord,said\n"[40.1, -74.2]",what a day it was\n"[1.5, 3.5]",so fine it is\n',
        ["what a day it was", "so fine it is"],
        "said",
    ),
    "lines of Chinese": Case(
        "今天真的太开心了\n这个产品很差不会再买\n服务态度非常好\n",
        ["今天真的太开心了", "这个产品很差不会再买", "服务态度非常好"],
        "column_1",
        "without a header",
    ),
    "texts of Japanese that come again": Case(
        "顧客,本文\n" + "太郎,今日はとても良い天気です\n花子,全然良くないと思います\n" * 3,
        ["今日はとても良い天気です", "全然良くないと思います"] * 3,
        "本文",
    ),
    "classes before texts with commas, without a header": Case(
        "pos,I love it, really\nneg,no I do not\npos,it is fine\nneg,never again\n",
        ["no I do not", "it is fine", "never again"],
        "column_2",
        "without a header",
    ),
    "commas under the name of a TSV": Case("id,text\n1,I love it\n2,bad\n", ["I love it", "bad"], suffix=".tsv"),
    "the model's own name beside another": Case("id,tweet,text\n1,so it is,I love it\n", ["I love it"]),
    "a name that was asked for": Case(
        "id,tweet,text\n1,so it is,I love it\n", ["so it is"], "tweet", "", {"text_column": "tweet"}
    ),
    "no header, said so": Case(
        "text,label\nI love it,pos\n",
        ["text", "I love it"],
        "column_1",
        "without a header",
        {"header": "false", "text_column": "column_1"},
    ),
    "a header, said so": Case("I love it\nso bad\n", ["so bad"], "I love it", "", {"header": "true"}),
    "a header that is not sure": Case(
        "opinion\nI love it very much\nso bad it was\n",
        ["I love it very much", "so bad it was"],
        "opinion",
        "taken for the names",
    ),
    "sep=": Case("sep=;\r\nid;text\r\n1;I love it\r\n", ["I love it"], note="parts the cells"),
    "title rows": Case("Export of May\n\nid,text\n1,I love it\n2,bad\n", ["I love it", "bad"], note="above the header"),
    "a column without a name": Case(",text\n0,I love it\n1,bad\n", ["I love it", "bad"]),
    "texts without a name": Case("id,,date\n1,I love it very much,2020-01-01\n", ["I love it very much"], "column_2"),
    "R's names of rows": Case(
        '"text","label"\n"1","I love it","pos"\n"2","bad","neg"\n', ["I love it", "bad"], note="one cell more"
    ),
    "a delimiter at the end": Case("id,text\n1,I love it,\n2,bad,\n", ["I love it", "bad"], note="empty cell"),
    "pipes": Case("id|text\n1|I love it, really\n2|bad\n", ["I love it, really", "bad"]),
    "pipes, said so": Case("id|text\n1|good\n", ["good"], fields={"delimiter": "pipe"}),
    "one column, with commas": Case('text\nI love it, really\nfine\n"a, b"\n', ["I love it, really", "fine", "a, b"]),
    "tabs": Case("id\ttext\n1\tI love it, really\n", ["I love it, really"], suffix=".tsv"),
    "UTF-16 with a mark": Case("id\ttext\n1\tI love café\n", ["I love café"], encoding="utf-16"),
    "UTF-16 without a mark": Case("id,text\n1,I love café\n", ["I love café"], note="UTF-16-LE", encoding="utf-16-le"),
    "UTF-16, big-endian, without a mark": Case(
        "id,text\n1,I love café\n", ["I love café"], note="UTF-16-BE", encoding="utf-16-be"
    ),
    "UTF-8 with a mark, declared as another": Case(
        "\ufeffid,text\n1,I love café\n", ["I love café"], fields={"encoding": "cp1252"}
    ),
    "Windows-1252": Case(
        "id;text\n1;I love “café”\n", ["I love “café”"], fields={"encoding": "windows-1252"}, encoding="cp1252"
    ),
    "JSONL": Case('{"id": 1, "text": "I love it"}\n{"id": 2, "text": "bad"}\n', ["I love it", "bad"], suffix=".jsonl"),
    "JSONL under another name": Case('{"id": 1, "text": "I love it"}\n', ["I love it"]),
    "JSONL that begins with a notice": Case(
        '{"delete": {"status": {"id": 1}}}\n{"text": "I love it"}\n', ["I love it"], suffix=".ndjson"
    ),
    "JSONL with NaN": Case(
        '{"score": NaN, "text": "I love it"}\n{"score": 1, "text": NaN}\n', ["I love it"], suffix=".json"
    ),
    "JSONL whose first line is broken": Case(
        '{"text": "I lo\n{"text": "I love it"}\n{"text": "bad"}\n', ["I love it", "bad"]
    ),
}

ADDED = "label,probability,p_negative,p_neutral,p_positive,truncated,in_vocabulary,error"
GOOD, BAD, NEITHER = "positive,0.8,0.1,0.1,0.8", "negative,0.8,0.8,0.1,0.1", "neutral,0.8,0.1,0.8,0.1"
# A file, the fields that it is sent with, and the answer.
ANSWERS: dict[str, tuple[bytes, dict[str, str], bytes]] = {
    "a mark is kept": (
        "\ufefftext\ngood\n".encode(),
        {},
        f"\ufefftext,{ADDED}\ngood,{GOOD},false,1.0,\n".encode(),
    ),
    "another encoding becomes UTF-8 with a mark": (
        "text\nbad caf\xe9s\n".encode("cp1252"),
        {"encoding": "windows-1252"},
        f"\ufefftext,{ADDED}\nbad cafés,{BAD},false,0.888889,\n".encode(),
    ),
    "another encoding, said so": (
        "text\nbad cafés\n".encode(),
        {"output_encoding": "latin-1"},
        f"text,{ADDED}\nbad cafés,{BAD},false,0.888889,\n".encode("latin-1"),
    ),
    "decimal commas": (
        b"text;n\ngood;0,5\n",
        {},
        f"text,n,{ADDED}\ngood,0.5,{GOOD},false,1.0,\n".replace(",", ";").replace(".", ",").encode(),
    ),
    "a row with more cells": (
        b"id,text\n1,I love this, really\n2,good\n",
        {},
        f'id,text,{ADDED}\n1,"I love this, really",,,,,,,,"3 cells where the header has 2; what is beyond is joined to '
        f'the last"\n2,good,{GOOD},false,1.0,\n'.encode(),
    ),
    "a comma in a file of one column": (
        b"text\nso, good\n",
        {},
        f'text,{ADDED}\n"so, good",{GOOD},false,1.0,\n'.encode(),
    ),
    "a text that is cut": (
        f"text\n{'good ' * 20}end\n".encode(),
        {},
        f"text,{ADDED}\n{'good ' * 20}end,{GOOD},true,1.0,\n".encode(),
    ),
    "nothing understood, and nothing to see": (
        "id,text\n1,хорошо\n2,\u200b\u200d\n".encode(),
        {},
        f"id,text,{ADDED}\n1,хорошо,{NEITHER},false,0.0,\n2,\u200b\u200d,,,,,,,,no text\n".encode(),
    ),
    "values that stand for a missing one": (
        b'id,text\n1,NA\n2,NULL\n3,\\N\n4,"NA"\n',
        {},
        "".join(
            [
                f"id,text,{ADDED}\n",
                *(
                    f'{number},{value},,,,,,,,"no text: {value} stands for a missing value; in quotes it is a text"\n'
                    for number, value in enumerate(("NA", "NULL", "\\N"), start=1)
                ),
                f'4,"NA",{NEITHER},false,1.0,\n',
            ]
        ).encode(),
    ),
    "a row that is broken": (
        b'id,text\n1,"bad\n2,good\n',
        {},
        f'id,text,{ADDED}\n"1,""bad",,,,,,,,,not CSV: a quote is not closed\n2,good,{GOOD},false,1.0,\n'.encode(),
    ),
    "JSONL: a notice, NaN and a boolean": (
        b'{"delete": {"id": 1}}\n{"n": NaN, "ok": true, "text": "good"}\n',
        {},
        b'{"delete": {"id": 1}, "label": null, "probability": null, "p_negative": null, "p_neutral": null, "p_positive"'
        b': null, "truncated": null, "in_vocabulary": null, "error": "no key \'text\'"}\n'
        b'{"n": null, "ok": true, "text": "good", "label": "positive", "probability": 0.8, "p_negative": 0.1, '
        b'"p_neutral": 0.1, "p_positive": 0.8, "truncated": false, "in_vocabulary": 1.0, "error": null}\n',
    ),
}

REFUSED = {
    "an Excel workbook": ("PK\x03\x04\x14\0", "an Excel workbook"),
    "a JSON array": ('[{"text": "I love it"},\n {"text": "bad"}]\n', "a JSON array, .*accepted: JSONL"),
    "pretty-printed JSON": ('{\n  "text": "I love it"\n}\n', "JSON over several lines, .*accepted: JSONL"),
    "a Markdown table": ("| id | text |\n|---:|------|\n| 1 | good |\n", "a Markdown table"),
    "HTML": ("<!DOCTYPE html>\n<html><body>I love it</body></html>\n", "HTML or XML"),
    "XML": ('<?xml version="1.0"?>\n<tweets><t>I love it</t></tweets>\n', "HTML or XML"),
    "a PDF": ("%PDF-1.7\n%âãÏÓ\n", "a PDF"),
    "RTF": ("{\\rtf1\\ansi I love it}\n", "Rich Text"),
    "SQL": ("INSERT INTO tweets VALUES (1, 'I love it');\n", "SQL"),
    "bytes": ("text\n\0\1\2\3 I love it\0\0", "no text: its first bytes"),
    "NUL in the header": ("te\0xt,n\nI love it,1\n", "NUL"),
    "two columns of texts": ("comment,review\nI love it so,fine with me\n", "'comment', 'review'"),
    "a name of texts above what is none": (
        "id,post_hint,selftext\n1,image,I love it so much\n2,link,what a day it was\n",
        "'id', 'post_hint', 'selftext'",
    ),
    "two rows of names, as SurveyMonkey writes them": (
        "Respondent ID,Start Date,What did you think?\n,,Open-Ended Response\n"
        + "".join(f"{number},01/02/2023,I love it so\n" for number in range(1, 4)),
        "second row lacks the numbers and dates .*accepted: one row of names",
    ),
    "a CSV whose lines were quoted again": (
        '"id,text"\n"1,""I love it, really"""\n"2,bad"\n',
        "each line is in quotes as a whole",
    ),
    "objects within objects": ('{"data": {"text": "I love it"}}\n{"data": {"text": "bad"}}\n', "jq -c .data"),
    "a table drawn by a database": (
        " id | text\n----+------\n  1 | good\n",
        "a Markdown table, or another that is drawn",
    ),
    "a chat": ("".join(f"01/02/2023, 10:0{n} - Anna: I love it\n" for n in range(4)), "a chat with times and names"),
    "fastText": ("__label__1 I love it\n__label__2 so bad\n", "fastText"),
    "Weka": ("@relation tweets\n@attribute text string\n@data\n'I love it'\n", "an ARFF file"),
    "a pointer of Git LFS": ("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n", "git lfs pull"),
    "classes behind another delimiter": ("I love it@pos\nso bad@neg\nfine by me@pos\nno@neg\n", "parted by '@'"),
    "fixed width": ("  id          text\n0  1     I love it\n1  2  so bad today\n", "parted by blanks"),
    "bios without a header": (f'I love it so much,"{BIO}"\nI hate it so much,"{BIO} too"\n', "'column_1', 'column_2'"),
    "a first row that may be a text": (
        "Great,Awful\nI love it very much,so bad it was\n",
        "found: 'column_1', 'column_2'; .*say header=false",
    ),
    "only ids": ("id,date\n1,2020-01-01\n", "'id', 'date'"),
    "a title above one column": ("Tweets of March\ntext\nI love this\n", "second row is 'text'"),
    "nothing": ("\n\n", "empty"),
    "a header alone": ("id,text\n", "no rows"),
    "Windows-1252, not declared": ("id;text\n1;caf\xe9\n", "line 2 .*windows-1252"),
}


def encoded(case: Case) -> bytes:
    return case.content.encode(case.encoding)


@pytest.mark.parametrize("name", READ)
def test_the_service_and_the_command_find_the_same_texts(
    name: str, client: TestClient, predictor: FakePredictor, tmp_path: Path
) -> None:
    case = READ[name]
    source = tmp_path / f"in{case.suffix}"
    source.write_bytes(encoded(case))
    opened: list[Table] = []
    command = FakePredictor()
    target = tmp_path / f"out{case.suffix}"
    score(command, source, target, ScoreOptions(**case.fields), on_opened=opened.append)  # type: ignore[arg-type]
    answer = client.post("/predict/file", data=case.fields, files={"file": (source.name, encoded(case))})
    assert answer.status_code == 200, answer.text
    assert predictor.seen == command.seen == case.texts
    assert unquote(answer.headers["x-text-column"]) == opened[0].extract.text_name == case.column
    notes = unquote(answer.headers.get("x-notes", ""))
    assert notes == "\n".join(opened[0].reader.notes)
    assert case.note in notes
    assert bool(case.note) == bool(notes)
    assert answer.content == target.read_bytes()


@pytest.mark.parametrize("name", ANSWERS)
def test_what_comes_out(name: str, client: TestClient, tmp_path: Path) -> None:
    content, fields, expected = ANSWERS[name]
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(content)
    answer = client.post("/predict/file", data=fields, files={"file": content})
    assert answer.content == expected
    if content.startswith(b"{"):
        source, target = source.rename(tmp_path / "in.jsonl"), tmp_path / "out.jsonl"
    score(FakePredictor(), source, target, ScoreOptions(**fields))  # type: ignore[arg-type]
    assert target.read_bytes() == expected


def test_a_label_that_is_a_number_is_none_of_a_spreadsheets_formulas(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nbad\n", encoding="utf-8")
    score(FakePredictor(["-1", "0", "1"]), tmp_path / "in.csv", tmp_path / "out.csv", ScoreOptions())
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[1].startswith("bad,-1,0.8,")


def test_true_and_false_of_json_stay_so_in_csv(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"ok": true, "no": false, "text": "good"}\n', encoding="utf-8")
    score(FakePredictor(), tmp_path / "in.jsonl", tmp_path / "out.csv", ScoreOptions())
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[1].startswith("true,false,good,positive,")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named(name: str, client: TestClient, predictor: FakePredictor, tmp_path: Path) -> None:
    content, cause = REFUSED[name]
    source = tmp_path / "in.csv"
    source.write_bytes(content.encode("latin-1"))
    with pytest.raises(FileError, match=f"(?s){cause}"):
        score(FakePredictor(), source, tmp_path / "out.csv", ScoreOptions())
    answer = client.post("/predict/file", files={"file": source.read_bytes()})
    assert answer.status_code == 422
    with pytest.raises(FileError, match=f"(?s){cause}"):
        raise FileError(answer.json()["detail"])
    assert predictor.seen == []
    assert not (tmp_path / "out.csv").exists()


WORDS = st.sampled_from(
    ["I", "love", "this", "show", "so", "much", "it", "is", "worst", "day", "ever", "train", "late", "and", "you"]
)
TEXTS = st.lists(WORDS, min_size=4, max_size=14).map(" ".join)
ENDS = st.sampled_from(["", "!", "...", ", really", ' "quoted"', " :)", " 😀", "; or not", " | so it is"])
SENTENCES = st.tuples(TEXTS, ENDS).map("".join)
KINDS = {
    "tweet_id": st.integers(10**8, 10**12).map(str),
    "created_at": st.datetimes(datetime(2006, 3, 21), datetime(2030, 1, 1)).map("{:%Y-%m-%d %H:%M:%S}".format),
    "permalink": st.integers(0, 10**6).map(lambda number: f"https://example.com/status/{number}"),
    "user_name": st.sampled_from(["Anna Lee", "Bert Long", "Chris O'Neil", "Dora Maria Ortiz", "Émile"]),
    "likeCount": st.integers(0, 5000).map(str),
    "bio": st.sampled_from(["Dad of two", "I write code and walk dogs all day", "coffee", ""]),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, list[str], bool]:
    """A file with one column of texts among others, its texts, and whether it has a header."""
    others = draw(st.lists(st.sampled_from(sorted(KINDS)), unique=True, max_size=4))
    names = draw(st.permutations([*others, draw(st.sampled_from(["text", "tweet_text", "Full Text", "content"]))]))
    strategies = [KINDS.get(name, SENTENCES) for name in names]
    rows = draw(st.lists(st.tuples(*strategies), min_size=2, max_size=8))
    has_header = draw(st.booleans())
    file = io.StringIO(newline="")
    writer = csv.writer(
        file,
        delimiter=draw(st.sampled_from(",;\t|")),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
    )
    writer.writerows([names, *rows] if has_header else rows)
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]))
    column = next(number for number, name in enumerate(names) if name not in KINDS)
    return file.getvalue().encode(encoding), [row[column] for row in rows], has_header


@given(tables())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_texts_are_found_or_the_file_is_refused(table: tuple[bytes, list[str], bool]) -> None:
    content, texts, has_header = table
    try:
        opened = open_table(open_reader(io.BytesIO(content), ReadOptions()), table_input(FakePredictor()))
    except FileError:
        assert not has_header, "whose names say where the texts are"
        return
    rows = list(opened.rows)
    assert [row.fault for row in rows] == [""] * len(texts)
    column = opened.reader.names.index(opened.extract.text_name)
    assert [opened.reader.cell(row, column) for row in rows] == texts
