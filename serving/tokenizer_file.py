"""What a `tokenizer.json` may say, so that it fills no memory and fails on no later text."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError
from tokenizers import Tokenizer, normalizers

from serving.errors import BundleError

MAX_TOKENS = 4096
MAX_RULES = 1000
MAX_CONTENT = 64
"""Tokens that a text may be cut or padded to; rules of the normalizer; characters that one puts in a match's place."""

MAX_GROWTH = 32
"""Times the length of a text that its normal form may have: NFKC makes 18 characters of one."""


class _Truncation(BaseModel):
    max_length: int = Field(ge=1, le=MAX_TOKENS)
    # An overlap of what is cut off, which nobody reads; as long as max_length, it ends the library in a panic.
    stride: Literal[0]


class _Fixed(BaseModel):
    Fixed: int = Field(ge=1, le=MAX_TOKENS)


class _Padding(BaseModel):
    strategy: Literal["BatchLongest"] | _Fixed
    pad_to_multiple_of: None = None


class _Replace(BaseModel):
    type: Literal["Replace"]
    content: str = Field(max_length=MAX_CONTENT)


class _Other(BaseModel):
    type: Literal["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "StripAccents", "Nmt", "BertNormalizer"]


class _Rules(BaseModel):
    type: Literal["Sequence"]
    normalizers: list[Annotated[_Replace | _Other, Field(discriminator="type")]] = Field(max_length=MAX_RULES)


class _File(BaseModel):
    truncation: _Truncation | None = None
    padding: _Padding | None = None
    normalizer: Annotated[_Replace | _Other | _Rules, Field(discriminator="type")] | None = None


def check_format(content: Any, name: str) -> dict[int, str]:
    """Raises BundleError that says what is not accepted in the parsed `content` of the file of that name.

    Returns what the normalizer's rules put in matches' places, by their number.
    """
    try:
        rules = _File.model_validate(content).normalizer
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise BundleError(f"{name}: is not a tokenizers file that is accepted: {'; '.join(faults[:3])}") from error
    members = rules.normalizers if isinstance(rules, _Rules) else [rules]
    return {number: rule.content for number, rule in enumerate(members) if isinstance(rule, _Replace)}


def check_growth(tokenizer: Tokenizer, contents: Mapping[int, str], texts: Sequence[str], name: str) -> None:
    """Raises BundleError where a normalizer that `check_format` accepts makes far longer texts of these.

    So it is with what it puts in itself, its `contents`, and the rules after. Rules that each double a text need only
    be some twenty to fill all memory, so that it is followed rule by rule.
    """
    rules = tokenizer.normalizer
    if not isinstance(rules, normalizers.Sequence):
        return
    begins = [(0, text) for text in texts] + [(number + 1, content * 4) for number, content in contents.items()]
    for first, text in begins:
        now = text
        for number in range(first, len(rules)):
            now = rules[number].normalize_str(now)
            if len(now) > MAX_GROWTH * (len(text) + 8):
                raise BundleError(
                    f"{name}: normalizer.normalizers.{number}: {text[:40]!r} becomes {len(now):,} characters long; "
                    f"accepted: rules that make a text at most {MAX_GROWTH} times as long"
                )
