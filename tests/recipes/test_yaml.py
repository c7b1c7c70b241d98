"""Compose, Kubernetes, GitHub, cloud-init: who gets a token, runs as whom, shares what."""

from __future__ import annotations

import configparser
from typing import Any

import pytest

from tests.recipes import reading

TOKENS = {"HF_TOKEN", "CIVITAI_TOKEN"}
VAEHUB = [
    (path, container)
    for path in reading.MANIFESTS
    for container in reading.containers(path)
    if container["name"] == "vaehub"
]
each = pytest.mark.parametrize(
    ("path", "container"), VAEHUB, ids=lambda one: getattr(one, "name", "")
)


# Compose


def test_compose_gives_the_tokens_to_one_service() -> None:
    [compose] = reading.documents(reading.COMPOSE)
    services = compose["services"]
    assert set(services["vaes"]["environment"]) == TOKENS, "names alone: values come from the shell"
    for name in ("comfyui", "webui"):
        assert "environment" not in services[name]
        condition = services[name]["depends_on"]["vaes"]["condition"]
        assert condition == "service_completed_successfully"


def test_compose_mounts_where_vaehub_places() -> None:
    [compose] = reading.documents(reading.COMPOSE)
    services = compose["services"]
    [lock, data] = services["vaes"]["volumes"]
    assert lock.endswith(":/etc/vaehub/vaehub.lock:ro")
    assert data == "models:/data"
    for name, subpath in (("comfyui", "ComfyUI/models/vae"), ("webui", "webui/models/VAE")):
        [volume] = services[name]["volumes"]
        assert (volume["source"], volume["volume"]["subpath"]) == ("models", subpath)
        assert volume["read_only"]
        root = subpath.partition("/")[0]
        assert any(word.endswith(f"=/data/{root}") for word in services["vaes"]["command"])


def test_compose_builds_what_is_there() -> None:
    [compose] = reading.documents(reading.COMPOSE)
    build = compose["services"]["vaes"]["build"]
    assert (reading.COMPOSE.parent / build["context"] / build["dockerfile"]).is_file()


# Kubernetes


@each
def test_a_pod_gets_its_tokens_from_a_secret_that_need_not_be_there(
    path: Any, container: dict[str, Any]
) -> None:
    found = {one["name"]: one for one in container["env"] if one["name"] in TOKENS}
    assert set(found) == TOKENS
    for name, one in found.items():
        reference = one["valueFrom"]["secretKeyRef"]
        assert reference == {"name": "vaehub-tokens", "key": name, "optional": True}


@pytest.mark.parametrize("path", reading.MANIFESTS, ids=lambda path: path.name)
def test_no_other_container_gets_a_token(path: Any) -> None:
    for container in reading.containers(path):
        if container["name"] != "vaehub":
            assert not {one["name"] for one in container.get("env", ())} & TOKENS
            assert "envFrom" not in container


@each
def test_a_pod_runs_with_as_little_as_it_needs(path: Any, container: dict[str, Any]) -> None:
    context = container["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    [pod] = [
        document["spec"]["template"]["spec"]
        for document in reading.documents(path)
        if "template" in document["spec"]
    ]
    assert pod["securityContext"]["runAsNonRoot"] is True
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    home = next(one["value"] for one in container["env"] if one["name"] == "HOME")
    assert mounts[home] == "tmp", "the root file system is read-only"
    assert {volume["name"] for volume in pod["volumes"]} == set(mounts.values())


@each
def test_a_pod_has_store_and_targets_on_the_volume(path: Any, container: dict[str, Any]) -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["models"] == "/data"
    dockerfile = reading.ROOT / "docker" / "Dockerfile.vaehub"
    assert ("ENV", "VAEHUB_STORE=/data/store") in reading.instructions(dockerfile)
    places = [word for word in container["args"] if "=/" in word]
    assert places
    assert all("=/data/" in place for place in places)


def test_the_claim_can_be_shared() -> None:
    [claim, _] = reading.documents(reading.ROOT / "kubernetes" / "fill.yaml")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_what_a_second_try_cannot_mend_ends_the_job() -> None:
    from vaehub import errors

    [_, job] = reading.documents(reading.ROOT / "kubernetes" / "fill.yaml")
    [rule] = job["spec"]["podFailurePolicy"]["rules"]
    codes = {kind.exit_code for kind in errors.VaehubError.__subclasses__()}
    assert set(rule["onExitCodes"]["values"]) == codes - {5}, "a source may deliver later"


# GitHub


def test_the_tokens_are_in_one_step_of_the_action() -> None:
    found = [step for step in reading.steps() if set(step.get("env", ())) & TOKENS]
    assert [step["id"] for step in found] == ["sync"]


def test_no_input_is_pasted_into_a_script() -> None:
    for step in reading.steps():
        assert "${{" not in step.get("run", "")


def test_the_cache_has_the_lock_as_its_key() -> None:
    [cache] = [step for step in reading.steps() if step.get("id") == "cache"]
    assert "hashFiles(inputs.lock)" in cache["with"]["key"]
    assert cache["with"]["key"].startswith(cache["with"]["restore-keys"])
    stores = {
        step["env"]["VAEHUB_STORE"]
        for step in reading.steps()
        if "VAEHUB_STORE" in step.get("env", {})
    }
    assert stores == {cache["with"]["path"]}


def test_the_example_uses_inputs_and_outputs_that_there_are() -> None:
    [action] = reading.documents(reading.ACTION)
    [workflow] = reading.documents(reading.WORKFLOW)
    [job] = workflow["jobs"].values()
    [step] = [step for step in job["steps"] if step.get("id") == "vaes"]
    assert set(step["with"]) <= set(action["inputs"])
    assert workflow["permissions"] == {"contents": "read"}
    assert "changed" in action["outputs"]


# cloud-init


def test_user_data_begins_as_cloud_init_wants_it() -> None:
    assert reading.USER_DATA.read_text(encoding="utf-8").startswith("#cloud-config\n")
    [data] = reading.documents(reading.USER_DATA)
    assert set(data) == {"packages", "users", "write_files", "runcmd"}
    for file in reading.written_files().values():
        assert set(file) == {"path", "owner", "permissions", "content"}
        assert isinstance(file["permissions"], str), "a number would be read as decimal"


def test_the_file_of_tokens_is_root_s_alone_and_empty() -> None:
    file = reading.written_files()["/etc/vaehub/tokens.env"]
    assert (file["owner"], file["permissions"]) == ("root:root", "0600")
    assert all(line.startswith("#") for line in file["content"].splitlines())


def unit(name: str) -> configparser.ConfigParser:
    """Read a unit; of a key that stands there several times the last one."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(reading.written_files()[f"/etc/systemd/system/{name}"]["content"])
    return parser


def test_the_unit_reads_the_tokens_and_runs_as_somebody_else() -> None:
    service = unit("vaehub-sync.service")["Service"]
    assert service["EnvironmentFile"] == "-/etc/vaehub/tokens.env"
    assert service["User"] == "comfy"
    assert service["ExecStart"] in reading.written_files()
    assert service["RestartPreventExitStatus"].split() == ["2", "3", "4", "6", "7", "8", "9"]
    assert service["ProtectSystem"] == "full", "strict would part the store from the target"


def test_a_timer_starts_it_after_each_boot() -> None:
    timer = unit("vaehub-sync.timer")
    assert timer["Timer"]["OnBootSec"]
    assert timer["Install"]["WantedBy"] == "timers.target"
    [data] = reading.documents(reading.USER_DATA)
    assert ["systemctl", "enable", "--now", "vaehub-sync.timer"] in data["runcmd"]
