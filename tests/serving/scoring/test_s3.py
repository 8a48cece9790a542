"""Files in S3, by a local server that speaks its protocol (moto)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.__main__ import app
from serving.errors import FileError
from serving.scoring.storage import storage_of
from tests.serving.scoring.folders import fill, write_parquet

moto_server = pytest.importorskip("moto.server", reason="moto is not installed: make test brings it")
boto3 = pytest.importorskip("boto3", reason="boto3 is not installed: make test brings it")

pytestmark = [
    pytest.mark.usefixtures("interpreter_as_before"),
    pytest.mark.filterwarnings("default"),  # of moto's server and of boto3, which are none of ours
]

BUCKET = "tweets"
KEYS = ["in/a.csv", "in/sub/b.csv", "in/c d+e%20.csv", "in/f.parquet", "in/_notes.md"]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(scope="module")
def environment(endpoint: str) -> dict[str, str]:
    """AWS's own variables, which pyarrow reads."""
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    return {**keys, "AWS_ENDPOINT_URL": endpoint, "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def client(endpoint: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A client of the bucket, which holds KEYS."""
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": environment["AWS_REGION"]}
    client = boto3.client("s3", endpoint_url=endpoint, **keys)
    client.create_bucket(Bucket=BUCKET)
    folder = fill(tmp_path_factory.mktemp("s3"), *[key for key in KEYS if not key.endswith(".parquet")], rows=300)
    write_parquet(folder / "in" / "f.parquet", [250, 10])
    for key in KEYS:
        client.upload_file(str(folder / key), BUCKET, key)
    return client


@pytest.fixture(autouse=True)
def _environment(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def content(client: Any, key: str) -> bytes:
    body: bytes = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("in", ["_notes.md", "a.csv", "c d+e%20.csv", "f.parquet", "sub/b.csv"]),
        ("in/", ["_notes.md", "a.csv", "c d+e%20.csv", "f.parquet", "sub/b.csv"]),
        ("in/*.csv", ["a.csv", "c d+e%20.csv"]),
        ("in/**/*.csv", ["a.csv", "c d+e%20.csv", "sub/b.csv"]),
        ("*/?.csv", ["in/a.csv"]),
        ("in/a.csv", ["a.csv"]),
        ("in/none.csv", []),
        ("none/*.csv", []),
    ],
)
@pytest.mark.usefixtures("client")
def test_files_are_found(path: str, expected: list[str]) -> None:
    url = f"s3://{BUCKET}/{path}"
    assert sorted(file.name for file in storage_of(url).find(url)) == expected


def test_what_is_found_has_size_and_time(client: Any) -> None:
    url = f"s3://{BUCKET}/in/a.csv"
    (file,) = storage_of(url).find(url)
    head = client.head_object(Bucket=BUCKET, Key="in/a.csv")
    assert (file.path, file.size) == (url, head["ContentLength"])
    assert file.modified // 10**9 == int(head["LastModified"].timestamp())


def test_a_small_file_is_written_and_removed(client: Any) -> None:
    url = f"s3://{BUCKET}/small/x.json"
    storage_of(url).write(url, b"{}")
    assert content(client, "small/x.json") == b"{}"
    assert storage_of(url).is_folder(f"s3://{BUCKET}/small")
    storage_of(url).remove(url)
    storage_of(url).remove(url)
    assert storage_of(url).stat(url) is None
    with pytest.raises(FileError, match=r"s3://tweets/small/x\.json: cannot be read"), storage_of(url).opened(url):
        pass


def run(bundle: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["score", *options, "--bundle", str(bundle)])


def test_from_s3_to_s3(client: Any, pristine_bundle: Path, tmp_path: Path) -> None:
    result = run(pristine_bundle, f"s3://{BUCKET}/in", "--output", f"s3://{BUCKET}/out")
    assert result.exit_code == 0, result.output
    manifest = json.loads(content(client, "out/_manifest.json"))
    names = ["a.csv", "c d+e%20.csv", "f.parquet", "sub/b.csv"]
    assert [each["output"] for each in manifest["outputs"]] == names
    for name in names:
        single = tmp_path / Path(name).name
        client.download_file(BUCKET, f"in/{name}", str(single))
        scored = tmp_path / f"scored-{single.name}"
        assert run(pristine_bundle, str(single), "--output", str(scored)).exit_code == 0
        assert content(client, f"out/{name}") == scored.read_bytes()
    again = run(pristine_bundle, f"s3://{BUCKET}/in", "--output", f"s3://{BUCKET}/out")
    assert "4 inputs, 4 outputs, 4 of them there already; 1 hidden files or other kinds passed over" in again.stderr


def test_between_s3_and_this_machine(client: Any, pristine_bundle: Path, tmp_path: Path) -> None:
    result = run(pristine_bundle, f"s3://{BUCKET}/in/a.csv", "--output", str(tmp_path / "out"), "--format", "jsonl")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "a.jsonl").read_text("utf-8").count("\n") == 300
    fill(tmp_path, "up.csv")
    assert run(pristine_bundle, str(tmp_path / "up.csv"), "--output", f"s3://{BUCKET}/up").exit_code == 0
    assert content(client, "up/up.csv").startswith(b"id,text,label,")


@pytest.mark.usefixtures("client")
def test_a_bucket_that_is_not_there(pristine_bundle: Path, tmp_path: Path) -> None:
    result = run(pristine_bundle, "s3://none-of-ours/in", "--output", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert isinstance(result.exception, FileError)
    assert "s3://none-of-ours/" in str(result.exception)


@pytest.mark.slow
def test_workers_of_ray_read_and_write_s3(client: Any, pristine_bundle: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-cluster.txt")
    command = [sys.executable, "-m", "serving", "score", f"s3://{BUCKET}/in", "--output", f"s3://{BUCKET}/ray", "--ray"]
    subprocess.run([*command, "--bundle", str(pristine_bundle)], check=True)
    plain = run(pristine_bundle, f"s3://{BUCKET}/in", "--output", f"s3://{BUCKET}/plain")
    assert plain.exit_code == 0, plain.output
    for name in ("a.csv", "c d+e%20.csv", "f.parquet", "sub/b.csv"):
        assert content(client, f"ray/{name}") == content(client, f"plain/{name}")
    assert json.loads(content(client, "ray/_manifest.json"))["rows"] == 1_160
