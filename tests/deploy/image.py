"""The Dockerfile's steps without Docker: the same commands, in folders instead of images, with clean environments.

What stands in the file is what is done here, so that the two cannot part; an instruction that is not known is an error.
A stage's files lie at one path while it is built, and are put away when the next stage begins: what that does not copy,
it cannot find. Not shown is what only another system has: the base image's own Python and libraries.
"""

import io
import json
import os
import re
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from docker.utils import exclude_paths
from dockerfile_parse import DockerfileParser

# How packages are reached from this machine: the only part of its environment that the steps are given.
_REACH = re.compile(r"PIP_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|\w+_proxy", re.IGNORECASE)
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S+))?\s+")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage has come to. `root`: where its `/` is."""

    root: Path
    base: str = ""
    workdir: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    command: tuple[str, ...] = ()
    health_check: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()

    def path(self, name: str) -> Path:
        """Where a path of the image is here."""
        return self.root / PurePosixPath(self.workdir, name).relative_to("/")

    @property
    def folder(self) -> Path:
        """Where its commands run."""
        return self.path(".")


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """The instructions and what stands behind each; comments left out."""
    structure = DockerfileParser(fileobj=io.BytesIO(dockerfile.read_bytes())).structure
    return [(part["instruction"], part["value"]) for part in structure if part["instruction"] != "COMMENT"]


def context(repository: Path) -> list[Path]:
    """The files that Docker would be sent, by Docker's own reading of .dockerignore; relative."""
    lines = (repository / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    paths = (Path(path) for path in sorted(exclude_paths(str(repository), patterns)))
    return [
        path for path in paths if (repository / path).is_file() and path.name not in {"Dockerfile", ".dockerignore"}
    ]


def build(repository: Path, folder: Path, **arguments: str) -> Stage:
    """Do all of the Dockerfile's steps in an empty folder, from a clone whose files only their owner may read.

    Args:
        repository: what is built.
        folder: empty, and gone with the test.
        arguments: as of `docker build --build-arg`.

    Returns:
        The last stage.
    """
    clone, tools = folder / "clone", folder / "tools"
    for path in context(repository):
        (clone / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(repository / path, clone / path)
        (clone / path).chmod(0o600)
    tools.mkdir()
    (tools / "python").write_text(f'#!/bin/sh\nexec {Path(sys.executable).resolve()} "$@"\n', encoding="utf-8")
    (tools / "python").chmod(0o755)
    return _Build(clone, folder, arguments).run(instructions(repository / "Dockerfile"))


class _Build:
    def __init__(self, clone: Path, folder: Path, arguments: Mapping[str, str]) -> None:
        self._clone, self._folder, self._arguments = clone, folder, arguments
        self._root = folder / "root"
        self._stages: dict[str, Stage] = {}
        self._name = ""
        self._stage = Stage(self._root)
        self._steps: dict[str, Callable[[str], Stage]] = {
            "FROM": self._from,
            "ARG": self._arg,
            "ENV": self._env,
            "WORKDIR": self._workdir,
            "COPY": self._copy,
            "RUN": self._run,
            "USER": lambda value: replace(self._stage, user=value),
            "EXPOSE": lambda value: replace(self._stage, ports=tuple(value.split())),
            "CMD": lambda value: replace(self._stage, command=tuple(json.loads(value))),
            "HEALTHCHECK": self._health_check,
        }

    def run(self, steps: list[tuple[str, str]]) -> Stage:
        for instruction, value in steps:
            self._stage = self._steps[instruction](value)
        return self._stage

    def _from(self, value: str) -> Stage:
        base, _, name = value.partition(" AS ")
        if self._root.exists():
            kept = self._folder / (self._name or "unnamed")
            self._root.rename(kept)
            self._stages[self._name] = replace(self._stage, root=kept)
        self._name = name
        if parent := self._stages.get(base):
            shutil.copytree(parent.root, self._root, symlinks=True)
            return replace(parent, root=self._root)
        self._root.mkdir()
        path = os.pathsep.join([str(self._folder / "tools"), "/usr/bin", "/bin"])
        return Stage(self._root, base=base, env={"PATH": path})

    def _arg(self, value: str) -> Stage:
        name, _, default = value.partition("=")
        given = {name: self._arguments.get(name, default)}
        return replace(self._stage, arguments={**self._stage.arguments, **given})

    def _env(self, value: str) -> Stage:
        env = dict(self._stage.env)
        for name, content in (part.split("=", 1) for part in value.split()):
            here = content.replace(self._stage.workdir, str(self._stage.folder))
            env[name] = string.Template(here).substitute(self._stage.env)
        return replace(self._stage, env=env)

    def _workdir(self, value: str) -> Stage:
        stage = replace(self._stage, workdir=str(PurePosixPath(self._stage.workdir, value)))
        stage.folder.mkdir(parents=True, exist_ok=True)
        return stage

    def _copy(self, value: str) -> Stage:
        flags, paths = _flags(value)
        *sources, target = paths.split()
        stage = self._stages.get(flags.get("from", ""))
        for name in sources:
            source, copy = (stage.path(name) if stage else self._clone / name), self._stage.path(target)
            if source.is_dir():  # its content, not itself
                shutil.copytree(source, copy, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(source, copy / name if target.endswith("/") else copy)
        return self._stage

    def _run(self, value: str) -> Stage:
        flags, command = _flags(value)
        reach = {name: text for name, text in os.environ.items() if _REACH.fullmatch(name)}
        if "mount" in flags:
            reach["PIP_CACHE_DIR"] = self._cache()
        env = {**reach, "HOME": str(self._folder / "home"), **self._stage.env, **self._stage.arguments}
        shell = ["/bin/sh", "-c", command]
        done = subprocess.run(shell, cwd=self._stage.folder, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"RUN {command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return self._stage

    def _health_check(self, value: str) -> Stage:
        _, command = _flags(value)
        return replace(self._stage, health_check=tuple(json.loads(command.removeprefix("CMD"))))

    def _cache(self) -> str:
        command = [sys.executable, "-m", "pip", "cache", "dir"]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _flags(value: str) -> tuple[dict[str, str], str]:
    flags: dict[str, str] = {}
    while match := _FLAG.match(value):
        flags[match[1]] = match[2] or ""
        value = value[match.end() :]
    return flags, value
