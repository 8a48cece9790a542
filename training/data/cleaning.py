"""Cleaning of labelled rows: none without text or label, one a text, none of a text whose labels conflict."""

import re
import unicodedata
from collections.abc import Iterable

import pandas as pd
from tokenizers import Regex, normalizers

from training.errors import DataError
from training.recipe.data import DataConfig
from training.recipe.model import TokenizerConfig
from training.text.normalizer import build_normalizer
from training.text.patterns import EMOJI, EMOTICONS, ENTITIES, QUOTES, build_pretokenizer

Counts = dict[str, int]

_WHOLE_NUMBER = re.compile(r"(-?\d+)\.0+")

MIN_PREFIX = 40  # characters of a key, about eight words: shorter texts may begin alike by chance
_CUT_OFF_LINK = re.compile(r"\bh(?:t(?:tp?)?)?(?:…|\.\.\.)\s*$")

# Links, handles and markers go; the rest is made alike as the preprocessing would, whatever a recipe keeps of it.
_ALIKE = TokenizerConfig(urls="drop", handles="drop", retweets="drop", hashtags="word", emoticons="tag")
_normalizer, _pretokenizer = build_normalizer(_ALIKE), build_pretokenizer()
# Entities first, as in the preprocessing: a heart may be written &lt;3.
_cuts = (*ENTITIES, *QUOTES, *((pattern, " ") for pattern in EMOTICONS.values()))
_signs = normalizers.Replace(Regex("|".join([*map(re.escape, EMOTICONS), EMOJI])), "")
_emoticons = normalizers.Sequence([normalizers.Replace(Regex(pattern), content) for pattern, content in _cuts])


def text_key(text: str) -> str:
    """What two copies of a tweet have in common: all but retweet marker, handles, links, punctuation, case and space.

    Made by the preprocessing's own rules, as they stand before a recipe asks for more of them: texts that differ by an
    emoticon, an emoji or a stop word have each a key of its own, also where a recipe drops those.
    """
    normal = _normalizer.normalize_str(_CUT_OFF_LINK.sub("", text))
    tokens = (token for token, _ in _pretokenizer.pre_tokenize_str(normal))
    return "".join(token for token in tokens if token in EMOTICONS or not _is_punctuation(token))


def plain_label(label: str) -> str:
    """A label as classes are told apart: without space around it, and 1.0, as pandas writes 1 beside gaps, as 1."""
    label = label.strip()
    whole = _WHOLE_NUMBER.fullmatch(label)
    return whole[1] if whole else label


def without_emoticons(text: str) -> str:
    """The text, its entities decoded, with every emoticon that the preprocessing knows cut out."""
    return str(_emoticons.normalize_str(text))


def bare_key(key: str) -> str:
    """The key that the same text would have without its emoticons and emoji."""
    return str(_signs.normalize_str(key))


def merged_keys(keys: Iterable[str]) -> dict[str, str]:
    """Key -> the key of its group: a long key that another one begins with is the same text, cut off or added to.

    Retweets were cut at 140 characters, and people add a hashtag to what they repeat.
    """
    groups: dict[str, str] = {}
    leader = ""
    for key in sorted(set(keys)):  # what begins with a key follows it directly
        if not (len(leader) >= MIN_PREFIX and key.startswith(leader)):
            leader = key
        groups[key] = leader
    return groups


def _is_punctuation(token: str) -> bool:
    return all(unicodedata.category(character).startswith("P") for character in token)


def drop_ignored(rows: pd.DataFrame, ignore: list[str], cleaning: Counts) -> pd.DataFrame:
    """Drop the rows whose label the recipe ignores."""
    ignored = rows.label.isin([plain_label(label) for label in ignore])
    if ignore:
        cleaning["label ignored by the recipe"] = int(ignored.sum())
    return rows[~ignored]


def drop_missing(rows: pd.DataFrame, data: DataConfig, cleaning: Counts) -> pd.DataFrame:
    """Drop the rows whose text or label stands for a missing value, such as NA, and say which of them there were."""
    texts = rows.row.map(lambda row: row.strip() if isinstance(row, str) else None)
    accepted_labels = {*data.labels, *data.rename.values()}
    no_text, no_label = texts.isin(data.missing), rows.label.isin(set(data.missing) - accepted_labels)
    if markers := sorted({*texts[no_text], *rows.label[no_label]}):
        cleaning[f"text or label is {', '.join(markers)} (data.missing)"] = int((no_text | no_label).sum())
    return rows[~no_text & ~no_label]


def drop_empty(rows: pd.DataFrame, cleaning: Counts, where: str, noun: str, empty_rule: str) -> pd.DataFrame:
    """Drop rows whose `key` is empty, and those without a label.

    Raises:
        DataError: None are left; `where` begins its message.
    """
    empty, unlabelled = rows.key == "", rows.label == ""
    cleaning[empty_rule] = int(empty.sum())
    cleaning["without a label"] = int((unlabelled & ~empty).sum())
    kept = rows[~empty & ~unlabelled]
    if kept.empty:
        raise DataError(f"{where}: no row has both {noun} and a label", cleaning)
    return kept


def drop_straddling(rows: pd.DataFrame, cleaning: Counts) -> pd.DataFrame:
    """Drop the rows that a later part has too: the test part before validation before training."""
    rank = rows.part.map({"": 0, "train": 0, "validation": 1, "test": 2})
    owner = rank.groupby(rows.key).transform("max")
    cleaning["also in the validation or test part, which keeps it"] = int((rank < owner).sum())
    return rows[rank == owner].reset_index(drop=True)


def merge_copies(rows: pd.DataFrame, cleaning: Counts) -> pd.DataFrame:
    """One row a key, with its majority label; a key without a majority goes."""
    votes = rows.groupby(["key", "label"], sort=False).size()
    leading = votes[votes == votes.groupby("key").transform("max")]
    tied = leading.groupby("key").transform("size") > 1
    winners = leading[~tied].reset_index()[["key", "label"]]
    undecided = ~rows.key.isin(winners.key)
    cleaning["copies whose labels conflict without a majority"] = int(undecided.sum())
    decided = rows[~undecided].merge(winners, on="key", suffixes=("", "_majority"))
    cleaning["copies with a minority label, merged"] = int((decided.label != decided.label_majority).sum())
    agreeing = decided[decided.label == decided.label_majority].drop(columns="label_majority")
    merged = agreeing.drop_duplicates("key", keep="first")
    cleaning["exact and near copies, merged"] = len(agreeing) - len(merged)
    return merged.reset_index(drop=True)
