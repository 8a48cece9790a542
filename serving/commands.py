"""Requests as commands for a shell."""

import json
import shlex


def json_command(url: str, body: object, *, keyed: bool = False) -> str:
    """The curl command, in one line for any POSIX shell, that posts a JSON body.

    Args:
        keyed: the service wants an API key; the command then takes it from the variable API_KEY.

    Every character that a terminal might act on or not show is escaped as JSON does it.
    """
    text = json.dumps(body, ensure_ascii=False)
    visible = "".join(character if character.isprintable() else _escaped(character) for character in text)
    key = ' -H "X-API-Key: $API_KEY"' if keyed else ""
    # Not --json, which is only in curl 7.82 and later.
    return f"curl {shlex.quote(url)}{key} -H 'Content-Type: application/json' -d {shlex.quote(visible)}"


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]
