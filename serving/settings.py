"""Settings of the service. Each is an environment variable of the field's name in upper case."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from serving.errors import SettingsError

MIN_KEY_LENGTH = 16

# Seconds that a process which ends gives what it has accepted: Heroku gives it 30.
GRACE = 27
_ANSWERED = GRACE - 1  # seconds by which all of that is answered, or has lost its client

# A multiple of the texts that the network computes at once (predictor.BATCH), or the last ones cost more.
BATCH_LIMIT = 60
DEADLINE = 15  # seconds

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")

# Of plain segments only: it becomes part of addresses, and "//host" would lead to another site.
ROOT_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")


class Settings(BaseSettings):
    """The service's settings. An empty variable counts as unset; use `Settings.load()` to read the environment."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, hide_input_in_errors=True, protected_namespaces=()
    )

    host: str = Field("127.0.0.1", description="the address to listen at; 0.0.0.0 is all of the machine's")
    port: int = Field(8000, ge=0, le=65535, description="the port to listen at")
    workers: int = Field(1, ge=1, le=64, description="processes that answer; each has the model in memory by itself")
    model_dir: Path = Field(Path("artifacts"), description="the folder of the bundle to serve")
    max_text_chars: int = Field(10_000, ge=1, description="characters that one text may have")
    max_texts: int = Field(128, ge=1, description="texts that one request may carry")
    max_explained: int = Field(16, ge=1, description="texts of one request that may be explained")
    max_body_bytes: int = Field(1024 * 1024, ge=1024, description="bytes that one request's body may have")
    max_file_bytes: int = Field(
        128 * 1024 * 1024, ge=1024, description="bytes that a file of rows may have; it waits on disk, not in memory"
    )
    max_files: int = Field(2, ge=1, description="files of rows that are predicted at once; more take turns")
    max_uploads: int = Field(8, ge=1, description="files of rows that are on disk at once; more are answered 503")
    queue_limit: int = Field(
        192, ge=1, description="texts that may wait or be in work at once; more are answered 503 (at least MAX_TEXTS)"
    )
    batch_limit: int = Field(BATCH_LIMIT, ge=1, le=1024, description="texts that are computed at once at most")
    deadline: int = Field(
        DEADLINE,
        ge=1,
        le=_ANSWERED - 1,
        description="seconds that a text may wait and be computed, then it is answered 503",
    )
    client_timeout: int = Field(
        10,
        ge=1,
        le=_ANSWERED - 1,
        description="seconds that a client may take to send headers or body, or stop reading "
        f"(with DEADLINE at most {_ANSWERED})",
    )
    max_header_bytes: int = Field(16_384, ge=1024, description="bytes that a request's line and headers may have")
    max_connections: int = Field(1000, ge=1, description="connections that one process holds; more are answered 503")
    inference_threads: int = Field(1, ge=1, le=256, description="threads that one batch is computed with")
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="comma-separated keys, each of 16 or more visible ASCII characters; unset leaves the API open"
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="comma-separated origins whose pages' scripts may call the API (CORS), or *; unset lets none"
    )
    feedback: bool = Field(
        False, description="whether users may correct answers; it needs the packages of requirements-feedback.txt"
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite:///feedback.db"),
        description="where corrections are kept: sqlite:///PATH, from the folder that the service is started in, or "
        "postgresql://...; ignored unless FEEDBACK is true",
    )
    feedback_key: SecretStr | None = Field(
        None,
        description="the key that reads and deletes corrections, 16 or more visible ASCII characters; unset, none does",
    )
    feedback_days: int | None = Field(
        None, ge=1, le=36_500, description="days after which a correction is deleted; unset, all are kept"
    )
    forwarded_allow_ips: str = Field(
        "127.0.0.1",
        description="comma-separated addresses or networks of proxies whose X-Forwarded-* headers are believed, or *",
    )
    root_path: str = Field(
        "",
        description="the path that a proxy serves the service under, such as /sent; unset, X-Forwarded-Prefix tells it",
    )
    docs: bool = Field(True, description="whether /docs and /openapi.json are served")
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        "info", description="the least severe message that the service logs"
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="short lines of text, or JSON; auto is text in a terminal and JSON elsewhere"
    )

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            SettingsError: with one sentence for each bad variable.
        """
        try:
            return cls()
        except ValidationError as error:
            faults = error.errors(include_url=False)
        raise SettingsError(" ".join(_sentence(fault) for fault in faults))

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        keys = [key.strip() for key in value.split(",") if key.strip()]
        if not keys:
            raise ValueError("API_KEYS is set but holds no key; leave it unset to keep the API open.")
        return keys

    @field_validator("api_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, key in enumerate(keys, start=1):
            _check_key(f"API_KEYS: key {number}", key)
        return keys

    @field_validator("feedback_key")
    @classmethod
    def _check_feedback_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            _check_key("FEEDBACK_KEY", key)
        return key

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        origins = [origin.strip() for origin in value.split(",") if origin.strip()]
        invalid = [origin for origin in origins if origin != "*" and not _ORIGIN.fullmatch(origin)]
        if invalid:
            raise ValueError(
                f"ALLOWED_ORIGINS has {invalid[0]!r}; "
                "accepted is * or origins such as https://example.org, without a path."
            )
        return origins

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _check_proxies(cls, value: str) -> str:
        proxies = [proxy.strip() for proxy in value.split(",") if proxy.strip()]
        if proxies == ["*"]:
            return "*"
        invalid = [proxy for proxy in proxies if not _is_network(proxy)]
        if invalid:
            raise ValueError(
                f"FORWARDED_ALLOW_IPS has {invalid[0]!r}; accepted is * alone, or addresses and networks "
                "such as 10.0.0.1 and 10.0.0.0/8."
            )
        return ",".join(proxies)

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, value: str) -> str:
        root_path = value.strip().rstrip("/")
        if root_path and not ROOT_PATH.fullmatch(root_path):
            raise ValueError(f"ROOT_PATH is {value!r}; accepted is a path such as /sent or /nlp/sentiment.")
        return root_path

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_queue(self) -> Self:
        if self.queue_limit < self.max_texts:
            raise ValueError(
                f"QUEUE_LIMIT is {self.queue_limit}, below MAX_TEXTS ({self.max_texts}), so a full request "
                "could never be admitted; accepted is MAX_TEXTS or more."
            )
        return self

    @model_validator(mode="after")
    def _check_seconds(self) -> Self:
        if self.client_timeout + self.deadline > _ANSWERED:
            raise ValueError(
                f"CLIENT_TIMEOUT is {self.client_timeout} and DEADLINE {self.deadline}, so a request could be cut off "
                f"when the service ends, which takes {GRACE} seconds at most; accepted is {_ANSWERED} or less together."
            )
        return self


def _check_key(name: str, secret: SecretStr) -> None:
    key = secret.get_secret_value()
    if len(key) < MIN_KEY_LENGTH:
        raise ValueError(f"{name} has {len(key)} characters; accepted are {MIN_KEY_LENGTH} or more.")
    if not all("!" <= character <= "~" for character in key):
        raise ValueError(f"{name} has a character that is not visible ASCII; only those are accepted.")


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _sentence(fault: ErrorDetails) -> str:
    """Our own validators raise whole sentences; for pydantic's the variable and what it accepts are added."""
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    name = str(fault["loc"][0])
    field = Settings.model_json_schema()["properties"][name]
    return f"{name.upper()} is {fault['input']!r}; accepted is {_accepted(field)}."


def _accepted(field: dict[str, Any]) -> str:
    match field:
        case {"anyOf": [accepted, {"type": "null"}]}:
            return _accepted(accepted)
        case {"enum": choices}:
            return "one of " + ", ".join(choices)
        case {"type": "integer", "minimum": minimum, "maximum": maximum}:
            return f"a whole number from {minimum:,} to {maximum:,}"
        case {"type": "integer", "minimum": minimum}:
            return f"a whole number of {minimum:,} or more"
        case {"type": "boolean"}:
            return "true or false"
    return str(field["type"])
