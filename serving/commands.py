"""A request as a command for a shell."""

import json
import shlex


def curl_command(url: str, text: str, *, explain: bool, keyed: bool) -> str:
    """The curl command, in one line for any POSIX shell, that asks for one text's prediction as JSON.

    Args:
        keyed: the service wants an API key; the command then takes it from the variable API_KEY.

    Every character that a terminal might act on or not show is escaped as JSON does it.
    """
    body = json.dumps({"text": text} | ({"explain": True} if explain else {}), ensure_ascii=False)
    visible = "".join(character if character.isprintable() else _escaped(character) for character in body)
    key = ' -H "X-API-Key: $API_KEY"' if keyed else ""
    # Not --json, which is only in curl 7.82 and later.
    return f"curl {shlex.quote(url)}{key} -H 'Content-Type: application/json' -d {shlex.quote(visible)}"


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]
