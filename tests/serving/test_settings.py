from pathlib import Path

import pytest
from pydantic import SecretStr

from serving.errors import SettingsError
from serving.model.inputs.text import BATCH
from serving.settings import BATCH_LIMIT, Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"

KEYS = "first-key-of-sixteen, second-key-of-sixteen"


def test_defaults() -> None:
    settings = Settings.load()
    assert str(settings.model_dir) == "artifacts"
    assert (settings.max_text_chars, settings.max_texts, settings.max_body_bytes) == (10_000, 128, 1_048_576)
    assert settings.max_explained == 16
    assert (settings.queue_limit, settings.inference_threads, settings.docs) == (192, 1, True)
    assert settings.api_keys == ()


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MAX_TEXTS": "7", "DOCS": "false", "LOG_LEVEL": "WARNING", "MODEL_DIR": ""}.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert (settings.max_texts, settings.docs, settings.log_level) == (7, False, "warning")
    assert str(settings.model_dir) == "artifacts", "an empty variable counts as unset"


def test_every_field_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_page_has_the_table_of_the_class() -> None:
    assert settings_table() in PAGE.read_text(encoding="utf-8"), f"docs/settings.md needs:\n{settings_table()}"


def settings_table() -> str:
    """Markdown: a row for each field."""
    rows = ["| variable | default | what |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        default = "" if value in ((), None) else str(value)
        shown = default.lower() if isinstance(field.default, bool) else default
        rows.append(f"| `{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


def test_a_full_batch_leaves_no_place_in_the_networks_last_one_empty() -> None:
    assert BATCH_LIMIT % BATCH == 0


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MAX_TEXTS", "0", "MAX_TEXTS is '0'; accepted is a whole number of 1 or more."),
        ("MAX_TEXTS", "many", "MAX_TEXTS is 'many'; accepted is a whole number of 1 or more."),
        ("MAX_BODY_BYTES", "1", "MAX_BODY_BYTES is '1'; accepted is a whole number of 1,024 or more."),
        ("INFERENCE_THREADS", "999", "INFERENCE_THREADS is '999'; accepted is a whole number from 1 to 256."),
        ("DOCS", "perhaps", "DOCS is 'perhaps'; accepted is true or false."),
        *(
            ("MIN_PROBABILITY", value, f"MIN_PROBABILITY is {value!r}; accepted is a number from 0 to 1.")
            for value in ["1.5", "much", "nan"]
        ),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL is 'loud'; accepted is one of critical, error, warning, info, debug.",
        ),
        (
            "QUEUE_LIMIT",
            "8",
            "QUEUE_LIMIT is 8, below MAX_TEXTS (128), so a full request could never be admitted; "
            "accepted is MAX_TEXTS or more.",
        ),
        ("DEADLINE", "29", "DEADLINE is '29'; accepted is a whole number from 1 to 25."),
        ("CLIENT_TIMEOUT", "600", "CLIENT_TIMEOUT is '600'; accepted is a whole number from 1 to 25."),
        (
            "CLIENT_TIMEOUT",
            "12",
            "CLIENT_TIMEOUT is 12 and DEADLINE 15, so a request could be cut off when the service ends, which takes "
            "27 seconds at most; accepted is 26 or less together.",
        ),
        *(
            (
                "FORWARDED_ALLOW_IPS",
                value,
                f"FORWARDED_ALLOW_IPS has {wrong!r}; accepted is * alone, or addresses and networks such as 10.0.0.1 "
                "and 10.0.0.0/8.",
            )
            for value, wrong in [
                ("nonsense", "nonsense"),
                ("10.0.0.1, *", "*"),
                ("10.0.0.1/8", "10.0.0.1/8"),
                ("::1,proxy.example.org", "proxy.example.org"),
            ]
        ),
        (
            "ALLOWED_ORIGINS",
            "https://example.org/path",
            "ALLOWED_ORIGINS has 'https://example.org/path'; accepted is * or origins such as https://example.org, "
            "without a path.",
        ),
        *(
            ("ROOT_PATH", value, f"ROOT_PATH is {value!r}; accepted is a path such as /sent or /nlp/sentiment.")
            for value in ["sent", "//evil.example", "https://example.org/sent", "/a/../b", "/a b"]
        ),
        ("LOG_FORMAT", "xml", "LOG_FORMAT is 'xml'; accepted is one of auto, text, json."),
        ("API_KEYS", "short", "API_KEYS: key 1 has 5 characters; accepted are 16 or more."),
        ("API_KEYS", ", ,", "API_KEYS is set but holds no key; leave it unset to keep the API open."),
        (
            "API_KEYS",
            f"{KEYS},schlüssel-schlüssel",
            "API_KEYS: key 3 has a character that is not visible ASCII; only those are accepted.",
        ),
        ("FEEDBACK_KEY", "short", "FEEDBACK_KEY has 5 characters; accepted are 16 or more."),
        (
            "FEEDBACK_KEY",
            "sixteen characters",
            "FEEDBACK_KEY has a character that is not visible ASCII; only those are accepted.",
        ),
        ("FEEDBACK_DAYS", "0", "FEEDBACK_DAYS is '0'; accepted is a whole number from 1 to 36,500."),
        ("FEEDBACK_DAYS", "ever", "FEEDBACK_DAYS is 'ever'; accepted is a whole number from 1 to 36,500."),
    ],
)
def test_a_bad_value_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value) == sentence
    assert caught.value.__context__ is None, "pydantic's error, which holds the value, must not be logged with it"


def test_all_bad_values_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_TEXTS", "x")
    monkeypatch.setenv("DOCS", "x")
    with pytest.raises(SettingsError, match=r"MAX_TEXTS is 'x'.*DOCS is 'x'"):
        Settings.load()


def test_keys_are_split_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEYS", KEYS)
    settings = Settings.load()
    assert [key.get_secret_value() for key in settings.api_keys] == KEYS.split(", ")
    assert "sixteen" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_what_corrections_need_is_read_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.load()
    assert (settings.feedback, settings.feedback_key, settings.feedback_days) == (False, None, None)
    assert settings.database_url.get_secret_value() == "sqlite:///feedback.db"
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hidden-password@host/x")
    monkeypatch.setenv("FEEDBACK_KEY", "hidden-key-of-more-than-sixteen")
    monkeypatch.setenv("FEEDBACK_DAYS", "30")
    settings = Settings.load()
    assert settings.feedback_days == 30
    assert settings.database_url.get_secret_value() == "postgres://me:hidden-password@host/x"
    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_origins_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://example.org, http://localhost:3000")
    assert Settings.load().allowed_origins == ("https://example.org", "http://localhost:3000")


def test_the_longest_times_that_end_with_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEADLINE", "1")
    monkeypatch.setenv("CLIENT_TIMEOUT", "25")
    assert Settings.load().client_timeout == 25


@pytest.mark.parametrize(
    ("value", "proxies"),
    [("*", "*"), (" * ", "*"), ("10.0.0.0/8", "10.0.0.0/8"), ("10.0.0.1, ::1,fd00::/8,", "10.0.0.1,::1,fd00::/8")],
)
def test_proxies(monkeypatch: pytest.MonkeyPatch, value: str, proxies: str) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", value)
    assert Settings.load().forwarded_allow_ips == proxies


@pytest.mark.parametrize(("value", "root_path"), [("/", ""), ("/sent/", "/sent"), (" /nlp/v1.0 ", "/nlp/v1.0")])
def test_root_paths(monkeypatch: pytest.MonkeyPatch, value: str, root_path: str) -> None:
    monkeypatch.setenv("ROOT_PATH", value)
    assert Settings.load().root_path == root_path


def test_every_origin() -> None:
    assert Settings(allowed_origins="*").allowed_origins == ("*",)


def test_a_key_of_just_the_length_that_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEYS", "x" * 16)
    assert len(Settings.load().api_keys) == 1
    monkeypatch.setenv("API_KEYS", "x" * 15)
    with pytest.raises(SettingsError, match="has 15 characters; accepted are 16 or more"):
        Settings.load()
