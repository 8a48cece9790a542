"""`python -m serving adopt`: the command's options, and what it shows."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from typer.core import TyperCommand

from serving.errors import AdoptError

LARGE_FILE = 8 * 1024**2  # bytes, from which on reading takes long enough to be told of
SEPARATOR = "\0"  # of the two values of --substitute: the one character that no argument can have

CLEANING = {
    "--lower": "lower",
    "--strip-links": "strip_links",
    "--strip-handles": "strip_handles",
    "--strip-digits": "strip_digits",
    "--strip-punctuation": "strip_punctuation",
    "--stop-words": "stop_words",
    "--stems": "stems",
}
SUBSTITUTE = "--substitute"

Side = Literal["pre", "post"]


class AdoptCommand(TyperCommand):
    """A command whose options of cleaning are one list, in the order given; typer's lists have no pairs and flags."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Gives each option of cleaning one value.

        Raises:
            AdoptError: an argument is not UTF-8, and neither JSON nor a tokenizer can hold it.
        """
        for argument in args:
            if not argument.isascii() and argument != argument.encode(errors="replace").decode():
                raise AdoptError(f"the argument {argument!r} is not UTF-8; accepted: names and texts that are")
        return super().parse_args(ctx, list(_with_values(args)))


def _with_values(args: list[str]) -> Iterator[str]:
    remaining = iter(args)
    for argument in remaining:
        yield argument
        if argument == SUBSTITUTE:
            yield SEPARATOR.join(islice(remaining, 2))
        elif argument in CLEANING:
            yield CLEANING[argument]


def _tokenizer_option(name: str, **limits: Any) -> Any:
    return typer.Option(help=f"of the Tokenizer, where its file does not say it: {name}", **limits)


def adopt(
    model: Annotated[Path, typer.Argument(help=".h5 or .keras of Keras 1 to 3, or weights with --architecture")],
    tokenizer: Annotated[
        Path | None, typer.Option(help="Keras Tokenizer: a pickle, its to_json(), or a word index as JSON or by NumPy")
    ] = None,
    labels: Annotated[
        str, typer.Option(metavar="A,B", help="in the order of the outputs; of one sigmoid B is what 1 means")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="folder of the bundle; without it, nothing is kept")] = None,
    text: Annotated[
        str | None, typer.Option("--try", metavar="TEXT", help="show tokens, ids and answer of one text")
    ] = None,
    name: Annotated[str, typer.Option(help="of the model; default: the file's")] = "",
    architecture: Annotated[
        Path | None, typer.Option(help="what model.to_json() gave, where MODEL holds weights alone")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="maxlen of pad_sequences; default: the network's length")
    ] = None,
    padding: Annotated[Side | None, typer.Option(help="side that is padded; default: pre, as Keras's")] = None,
    truncating: Annotated[Side | None, typer.Option(help="side that is cut; default: pre, as Keras's")] = None,
    padding_id: Annotated[int | None, typer.Option(min=0, help="value of pad_sequences; default: 0")] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="of two labels: B is the answer where its probability is above this; default: 0.5"),
    ] = None,
    num_words: Annotated[int | None, _tokenizer_option("num_words", min=1)] = None,
    oov_token: Annotated[str | None, _tokenizer_option("oov_token")] = None,
    unknown_id: Annotated[int | None, _tokenizer_option("id of unknown words, as of word_index.get(word, 0)")] = None,
    filters: Annotated[str | None, _tokenizer_option("filters")] = None,
    char_level: Annotated[bool, typer.Option("--char-level", help="its char_level is true")] = False,
    no_lower: Annotated[bool, typer.Option("--no-lower", help="its lower is false")] = False,
    cleaning: Annotated[list[str] | None, typer.Option(*CLEANING, SUBSTITUTE, hidden=True)] = None,
) -> None:
    """Make a bundle of a Keras network and tokenizer that you have, without TensorFlow.

    What your app does to a text before its tokenizer is done in the order that you give these options in, which may
    stand several times: --lower, --strip-links, --strip-handles, --strip-digits, --strip-punctuation (ASCII's),
    --stop-words (scikit-learn's, English), --stems (Snowball's, English), --substitute PATTERN TEXT (Python's re.sub).
    """
    from serving.adopt.adopt import AdoptOptions
    from serving.adopt.adopt import adopt as adopt_files
    from serving.adopt.description import trial_lines

    settings = {
        "num_words": num_words,
        "oov_token": oov_token,
        "unknown_id": unknown_id,
        "filters": filters,
        "char_level": char_level or None,
    }
    options = AdoptOptions(
        tokenizer=tokenizer,
        architecture=architecture,
        labels=[label.strip() for label in labels.split(",")] if labels else [],
        name=name,
        max_length=max_length,
        padding=padding,
        truncating=truncating,
        padding_id=padding_id,
        threshold=threshold,
        cleaning=[_cleaning_step(step) for step in cleaning or []],
        tokenizer_settings={key: value for key, value in settings.items() if value is not None}
        | ({"lower": None} if no_lower else {}),
    )
    with progress_line(model, Console(stderr=True)):
        predictor = adopt_files(model, out, options, typer.echo)
    if text is not None:
        for line in trial_lines(predictor, text):
            typer.echo(line)
    typer.echo(_ending(predictor.metadata.model_version, out))


def _cleaning_step(value: str) -> Any:
    from serving.model.text_rules import Substitution

    pattern, separator, content = value.partition(SEPARATOR)
    if not separator:
        if value in CLEANING.values():
            return value
        raise AdoptError(f"{SUBSTITUTE} has one value, {value!r}; accepted: a pattern and the text that replaces it")
    try:
        return Substitution(pattern=pattern, content=content)
    except ValidationError as error:
        raise AdoptError(f"{SUBSTITUTE} {pattern!r} {content!r}: {error.errors()[0]['msg']}") from error


@contextmanager
def progress_line(model: Path, console: Console) -> Iterator[None]:
    """A line on a terminal while a large file is read."""
    size = model.stat().st_size if model.is_file() else 0
    if size < LARGE_FILE or not console.is_terminal:
        yield
        return
    with console.status(f"reading {size / 1024**2:,.0f} MB and trying them as serving will"):
        yield


def _ending(model_version: str, out: Path | None) -> str:
    if out is None:
        return "Nothing was kept. Next: the same command with --out DIR."
    return f"Bundle: {out}, version {model_version}. Next: {shlex.join(['make', 'serve', f'MODEL_DIR={out}'])}"
