"""What Docker Compose, Kubernetes and GitHub read: valid by their schemas, and in line with the service.

Both libraries hold the schemas, so that nothing is fetched: check-jsonschema those of Compose and GitHub, as their
authors publish them, and kubernetes-validate that of each version of Kubernetes.
"""

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import kubernetes_validate
import pytest
import yaml  # type: ignore[import-untyped]

from serving.settings import GRACE, Settings
from tests.deploy.documents import blocks, shell_lines
from tests.deploy.services import ROOT

COMPOSE = ROOT / "deploy" / "compose.yaml"
KUBERNETES = ROOT / "deploy" / "kubernetes.yaml"
PAGE = ROOT / "docs" / "deploy.md"
COLLECTOR_TIMEOUT = 10  # seconds: OTEL_EXPORTER_OTLP_TIMEOUT's default (docs/traces.md)
MEBIBYTE = 1024**2
DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}


def check(schema: str, *files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("compose-spec", "deploy/compose.yaml"),
        ("github-workflows", ".github/workflows/*.yml"),
        ("dependabot", ".github/dependabot.yml"),
    ],
)
def test_a_schema(schema: str, pattern: str) -> None:
    files = sorted(ROOT.glob(pattern))
    assert files
    result = check(schema, *files)
    assert result.returncode == 0, result.stdout


def test_a_slip_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {imaeg: tweet-sentiment}}", encoding="utf-8")
    result = check("compose-spec", tmp_path / "compose.yaml")
    assert result.returncode == 1
    assert "imaeg" in result.stdout


# The sleep of preStop is on by default from 1.30 on. The newest is the one that the pinned library knows.
@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_the_manifests_of_kubernetes(version: str) -> None:
    assert [document["kind"] for document in documents()] == ["Deployment", "Service", "PodDisruptionBudget"]
    for document in documents():
        kubernetes_validate.validate(document, version, strict=True)


def test_a_slip_in_a_manifest_would_be_found() -> None:
    deployment = documents()[0]
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="livenesProbe"):
        kubernetes_validate.validate(deployment, kubernetes_validate.latest_version(), strict=True)


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8")))


@pytest.fixture
def pod() -> dict[str, Any]:
    spec: dict[str, Any] = documents()[0]["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    assert isinstance(only, dict)
    return only


@pytest.fixture
def composed() -> dict[str, Any]:
    service: dict[str, Any] = read(COMPOSE)["services"]["web"]
    return service


def test_a_copy_is_given_the_time_that_it_takes_to_end(
    pod: dict[str, Any], container: dict[str, Any], composed: dict[str, Any]
) -> None:
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= before + GRACE + COLLECTOR_TIMEOUT
    assert int(composed["stop_grace_period"].removesuffix("s")) > GRACE


def test_probes_ask_what_the_architecture_says(container: dict[str, Any]) -> None:
    asked = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert container["readinessProbe"]["timeoutSeconds"] > 3, "the service's own limit for its test"


def test_the_ports_are_those_that_the_image_listens_at(container: dict[str, Any], composed: dict[str, Any]) -> None:
    (port,) = container["ports"]
    assert port["containerPort"] == DEFAULTS["port"]
    assert composed["ports"] == [f"${{PORT:-{DEFAULTS['port']}}}:{DEFAULTS['port']}"]
    service = documents()[1]["spec"]
    assert service["ports"][0]["targetPort"] == port["name"]


def test_the_labels_lead_from_each_object_to_the_copies() -> None:
    deployment, service, budget = (document["spec"] for document in documents())
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == service["selector"] == budget["selector"]["matchLabels"] == labels
    assert budget["maxUnavailable"] < deployment["replicas"]


def test_files_have_room(pod: dict[str, Any], container: dict[str, Any], composed: dict[str, Any]) -> None:
    (volume,) = pod["volumes"]
    room = int(volume["emptyDir"]["sizeLimit"].removesuffix("Gi")) * 1024 * MEBIBYTE
    assert room > DEFAULTS["max_uploads"] * DEFAULTS["max_file_bytes"]
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/tmp"}]
    assert {"type": "volume", "target": "/tmp"} in composed["volumes"]


def test_memory_is_that_of_the_figures(container: dict[str, Any], composed: dict[str, Any]) -> None:
    figures = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    ((one, two),) = re.findall(r"Under load one worker holds (\d+) MB, two hold (\d+) MB", figures)
    resources = container["resources"]
    assert int(one) < int(resources["requests"]["memory"].removesuffix("Mi"))
    # While a new model takes the old one's place there are two.
    assert 2 * int(one) < int(resources["limits"]["memory"].removesuffix("Mi"))
    (limit,) = re.findall(r"^\$\{MEMORY:-(\d+)m\}$", composed["mem_limit"])
    assert 2 * int(one) < int(limit)
    assert 2 * int(two) < 2 * int(limit)
    ((workers, memory),) = re.findall(r"`WORKERS=(\d+) MEMORY=(\d+)m`", PAGE.read_text(encoding="utf-8"))
    assert int(memory) == int(workers) * int(limit)


def test_what_is_mounted_is_the_folder_around_a_model(composed: dict[str, Any]) -> None:
    """A training puts a new folder in the old one's place, and a mount of that would stay with the old one."""
    (mount,) = (volume for volume in composed["volumes"] if volume["type"] == "bind")
    assert (mount["source"], mount["read_only"]) == ("${MODELS:-../artifacts}", True)
    (trained,) = shell_lines(PAGE, "make train OUT=")
    folder = PurePosixPath(trained.removeprefix("make train OUT="))
    model_dir = PurePosixPath(mount["target"], folder.name)
    (command,) = shell_lines(PAGE, "MODELS=")
    assert command.startswith(f"MODELS=../{folder.parent} MODEL_DIR={model_dir} docker compose ")
    (run,) = (line for line in shell_lines(PAGE, "docker run") if "MODEL_DIR" in line)
    assert f'-v "$PWD/{folder.parent}:{mount["target"]}:ro" -e MODEL_DIR={model_dir} ' in run


def test_nothing_can_be_written_or_gained(
    pod: dict[str, Any], container: dict[str, Any], composed: dict[str, Any]
) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert composed["read_only"] is True
    assert composed["cap_drop"] == ["ALL"]


def test_the_variables_are_the_services_and_those_of_traces(composed: dict[str, Any]) -> None:
    traces = set(re.findall(r"\b(?:FASTAPI_)?OTEL_\w+", (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")))
    names = set(composed["environment"])
    assert traces <= names
    assert {name.lower() for name in names - traces} <= set(DEFAULTS)


def test_the_image_has_what_requirements_names(composed: dict[str, Any]) -> None:
    (usual,) = re.findall(r"^ARG REQUIREMENTS=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert composed["build"]["args"] == {"REQUIREMENTS": f"${{REQUIREMENTS:-{usual}}}"}


def test_the_database_of_corrections_is_there_for_who_asks_and_for_the_service_alone() -> None:
    content = read(COMPOSE)
    database = content["services"]["database"]
    assert database["profiles"] == ["feedback"]
    assert "ports" not in database
    assert [volume["source"] for volume in database["volumes"]] == list(content["volumes"])
    (page,) = (block for block in blocks(PAGE, "sh") if "COMPOSE_PROFILES=feedback" in block)
    variables = dict(line.partition("#")[0].strip().split("=", 1) for line in page.splitlines())
    assert "@database/" in variables["DATABASE_URL"]
    assert (ROOT / variables["REQUIREMENTS"]).is_file()
    service = content["services"]["web"]
    assert set(variables) - {"COMPOSE_PROFILES", "REQUIREMENTS"} <= {*service["environment"], *database["environment"]}


def test_both_kinds_of_processor_build_and_ask_the_image() -> None:
    workflow = read(ROOT / ".github" / "workflows" / "image.yml")
    job = workflow["jobs"]["image"]
    assert job["strategy"]["matrix"]["system"] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert "docker compose -f deploy/compose.yaml up --build --wait" in commands
    assert any(command.startswith(".ci/smoke.sh ") for command in commands)
    paths = workflow[True]["push"]["paths"]  # YAML 1.1 reads the key `on` as true
    assert workflow[True]["pull_request"]["paths"] == paths
    assert [path for path in paths if not list(ROOT.glob(path))] == []
