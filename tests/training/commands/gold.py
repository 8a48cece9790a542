"""Rows to compare the committed bundles on."""

BEGINNINGS = {"I love this": "neutral", "I love this show": "positive", "good": "negative"}


def known(times: int) -> list[tuple[str, str]]:
    """So many rows of each label, no two of which are copies: what TINY answers, where UNMASKED says neutral to all."""
    return [(f"{beginning} w{n}", label) for n in range(times) for beginning, label in BEGINNINGS.items()]
