from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from huggingface_hub.hf_api import RepoFile, RepoFolder
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st

from tests.hosts.conftest import DATA, Client, hint, sample
from tests.hosts.mutations import mutated, outcome
from tests.hosts.servers import Answer, serve
from vaehub import __version__, settings
from vaehub.errors import (
    AccessRequired,
    LoginRequired,
    Offline,
    RateLimited,
    SourceError,
    SourceGone,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from vaehub.hosts import huggingface
from vaehub.hosts.base import Refusal
from vaehub.loopback.content import BytesContent
from vaehub.model import Source
from vaehub.transfer.patience import Patience

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

DIGEST = BytesContent(DATA).sha256
COMMIT = "629b3ad3030ce36e15e70c5db7d91df0d60c627f"
LOCATOR = {"repo": "org/a-vae", "revision": COMMIT, "path": "vae/a vae #1.safetensors"}
SOURCE = Source("huggingface", LOCATOR)


def test_the_hub_tells_size_and_sha256_and_the_bytes_follow(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("huggingface", LOCATOR, DATA)
    client = clients(world.environment())
    download = client.locate(SOURCE, sha256=DIGEST)
    assert (download.size, download.sha256) == (len(DATA), DIGEST)
    assert f"/org/a-vae/resolve/{COMMIT}/vae/a%20vae%20%231.safetensors" in download.url
    assert client.get(download) == DATA
    assert world.leaks == []


def test_the_address_itself_tells_and_nothing_else_is_asked(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("huggingface", LOCATOR, DATA)
    download = clients(world.environment()).locate(SOURCE)
    assert (download.size, download.sha256) == (len(DATA), DIGEST)
    assert [seen.method for seen in world.requests] == ["HEAD"]


def test_of_a_pinned_file_nothing_is_asked(world: LoopbackWorld, clients: Any) -> None:
    """Before the first byte; its commit cannot change, and what is gone the GET itself tells."""
    world.publish("huggingface", LOCATOR, DATA)
    client = clients(world.environment())
    download = client.locate(SOURCE, sha256=DIGEST, size=len(DATA))
    assert world.requests == []
    assert client.get(download) == DATA


def test_of_a_pinned_file_on_a_branch_the_hub_is_asked(world: LoopbackWorld, clients: Any) -> None:
    locator = {**LOCATOR, "revision": "main"}
    world.publish("huggingface", locator, DATA)
    source = Source("huggingface", locator)
    clients(world.environment()).locate(source, sha256=DIGEST, size=len(DATA))
    assert [seen.method for seen in world.requests] == ["HEAD"]


LOCATE = (
    "import sys\n"
    "from vaehub import errors, settings\n"
    "from vaehub.hosts import huggingface\n"
    "from vaehub.model import Artifact, Source\n"
    "from vaehub.transfer.session import Session\n"
    f"source = Source('huggingface', {LOCATOR!r})\n"
    "found = settings.load()\n"
    "with Session(found) as session:\n"
    "    try:\n"
    f"        download = huggingface.locate(source, Artifact('a', (source,), sha256={DIGEST!r}),\n"
    "                                      session=session, settings=found)\n"
    "        print(download.sha256, 'huggingface_hub' in sys.modules)\n"
    "    except errors.SourceRefused as error:\n"
    "        print(error.message)"
)


def located_in_a_process(world: LoopbackWorld, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LOCATE],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **world.environment(), **environment},
    )
    return done.stdout.strip()


def test_a_healthy_hub_needs_no_client(world: LoopbackWorld) -> None:
    """In a process of its own: this one has imported the client long ago."""
    world.publish("huggingface", LOCATOR, DATA)
    assert located_in_a_process(world) == f"{DIGEST} False"


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_the_client_s_offline_switch_forbids_the_healthy_path_too(
    world: LoopbackWorld, switch: str
) -> None:
    world.publish("huggingface", LOCATOR, DATA)
    assert "HF_HUB_OFFLINE" in located_in_a_process(world, **{switch: "1"})
    assert world.requests == []


LINKED = {"X-Linked-Size": "5", "X-Linked-Etag": f'"{DIGEST}"', "X-Repo-Commit": COMMIT}


def test_the_hub_s_headers_tell_size_and_sha256() -> None:
    assert huggingface.told_by(LINKED) == (5, DIGEST)
    assert huggingface.told_by({key.lower(): value for key, value in LINKED.items()}) is not None


@pytest.mark.parametrize("missing", sorted(LINKED))
def test_headers_that_do_not_tell_everything_tell_nothing(missing: str) -> None:
    assert huggingface.told_by({**LINKED, missing: ""}) is None
    assert huggingface.told_by({k: v for k, v in LINKED.items() if k != missing}) is None


@given(st.fixed_dictionaries({name: st.text() for name in LINKED}))
def test_nonsense_in_the_headers_is_no_error(headers: dict[str, str]) -> None:
    told = huggingface.told_by(headers)
    assert told is None or (told[0] >= 0 and len(told[1]) == 64)


def test_what_a_mirror_tells_without_the_hub_s_headers_is_the_client_s_to_read(
    clients: Any,
) -> None:
    """An ETag that happens to look like a sha256 is not taken for one."""
    asked: list[str] = []

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        asked.append(method)
        if path.startswith("/api/"):
            lfs = {"oid": DIGEST, "size": len(DATA), "pointerSize": 134}
            file = {"type": "file", "oid": "0", "size": 1, "path": LOCATOR["path"], "lfs": lfs}
            return 200, {"Content-Type": "application/json"}, json.dumps([file]).encode()
        return 200, {"ETag": f'"{"0" * 64}"'}, b""

    with serve(answer) as endpoint:
        download = clients({"HF_ENDPOINT": endpoint}).locate(SOURCE)
    assert (download.size, download.sha256) == (len(DATA), DIGEST)
    assert asked == ["HEAD", "POST"]


def test_the_token_goes_to_the_hub_and_not_to_its_cdn(world: LoopbackWorld, clients: Any) -> None:
    world.publish("huggingface", LOCATOR, DATA, gated=True)
    client = clients(world.environment(login=["huggingface"]))
    download = client.locate(SOURCE, sha256=DIGEST)
    assert client.get(download) == DATA
    assert all("authorization" in seen.headers for seen in world.seen("huggingface api"))
    assert all("authorization" not in seen.headers for seen in world.seen("huggingface cdn"))
    assert world.leaks == []
    assert world.tokens["huggingface"] not in repr(download)


def test_without_a_token_of_ours_the_client_s_own_is_not_sent(
    world: LoopbackWorld, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaehub.hosts import hub_client

    monkeypatch.setenv("HF_TOKEN", world.tokens["huggingface"])
    world.publish("huggingface", LOCATOR, DATA)
    endpoint = world.environment()["HF_ENDPOINT"]
    found = hub_client.paths_info(
        endpoint, "org/a-vae", COMMIT, LOCATOR["path"], token=None, deadline=5
    )
    assert not isinstance(found, Refusal)
    assert len(found) == 1
    assert "authorization" not in world.requests[-1].headers


def test_the_client_tells_nothing_of_the_user_asks_for_nothing_else_and_prints_nothing() -> None:
    """In a process of its own, since the client reads the environment once, at import."""
    seen: list[tuple[str, str]] = []

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        seen.append((path, headers["user-agent"]))
        entry = [{"type": "file", "path": "a", "size": 1, "oid": "0"}]
        return 200, {"X-HF-Warning": "topic; buy now"}, json.dumps(entry).encode()

    code = (
        "import sys\n"
        "from vaehub.hosts import hub_client\n"
        "infos = hub_client.paths_info(sys.argv[1], 'o/r', 'main', 'a', token=None, deadline=9)\n"
        "print(len(infos))"
    )
    telemetry_on = {k: v for k, v in os.environ.items() if k != "HF_HUB_DISABLE_TELEMETRY"}
    with serve(answer) as endpoint:
        done = subprocess.run(
            [sys.executable, "-c", code, endpoint],
            capture_output=True,
            text=True,
            check=True,
            env={**telemetry_on, "HF_ENDPOINT": endpoint, "AI_AGENT": "some-harness"},
        )
    assert (done.stdout, done.stderr) == ("1\n", "")
    [(path, agent)] = seen
    assert path == "/api/models/o/r/paths-info/main"
    assert agent == f"vaehub/{__version__}"


def test_a_silent_api_is_not_waited_for_longer_than_the_session_waits(clients: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        patience = Patience(connect=0.1, read=0.1, attempts=1)
        client = clients({"HF_ENDPOINT": endpoint}, patience=patience)
        with pytest.raises(SourceUnreachable, match="no answer"):
            client.locate(SOURCE)
        assert client.locate(SOURCE, sha256=DIGEST).sha256 is None


def test_no_server_at_all_is_unreachable(clients: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(SourceUnreachable, match="nobody listens"):
        clients({"HF_ENDPOINT": endpoint}).locate(SOURCE)


@pytest.mark.parametrize("status", [404, 405, 500, 501, 503, 429])
def test_a_mirror_without_an_api_still_serves_what_is_pinned(clients: Any, status: int) -> None:
    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        if path.startswith("/api/"):
            return status, {"Content-Type": "text/html"}, b"<html>no</html>"
        return 200, {}, DATA

    with serve(answer) as endpoint:
        client = clients({"HF_ENDPOINT": endpoint})
        download = client.locate(SOURCE, sha256=DIGEST, size=len(DATA))
        assert (download.size, download.sha256) == (None, None)
        assert client.get(download) == DATA
        with pytest.raises((SourceUnreachable, RateLimited)):
            client.locate(SOURCE)


def test_a_page_in_place_of_metadata_is_unusable(clients: Any) -> None:
    with serve(lambda *_: (200, {"Content-Type": "text/html"}, b"<html>log in</html>")) as endpoint:
        client = clients({"HF_ENDPOINT": endpoint})
        with pytest.raises(SourceUnusable):
            client.locate(SOURCE)
        assert client.locate(SOURCE, sha256=DIGEST).sha256 is None


def test_a_mirror_that_hands_everything_on_works(world: LoopbackWorld, clients: Any) -> None:
    """As hf-mirror.com does for whom it takes to be outside China."""
    world.publish("huggingface", LOCATOR, DATA)
    hub = world.environment()["HF_ENDPOINT"]
    with serve(lambda method, path, headers: (308, {"Location": hub + path}, b"")) as endpoint:
        client = clients({"HF_ENDPOINT": endpoint, "HF_TOKEN": world.tokens["huggingface"]})
        download = client.locate(SOURCE)
        assert (download.size, download.sha256) == (len(DATA), DIGEST)
        assert client.get(download) == DATA
    assert all("authorization" not in seen.headers for seen in world.requests)


def test_a_mirror_that_hands_a_gated_file_on_is_explained(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("huggingface", LOCATOR, DATA, gated=True)
    hub = world.environment()["HF_ENDPOINT"]
    with serve(lambda method, path, headers: (308, {"Location": hub + path}, b"")) as endpoint:
        client = clients({"HF_ENDPOINT": endpoint, "HF_TOKEN": world.tokens["huggingface"]})
        error = client.explained(SOURCE, client.locate(SOURCE))
    assert isinstance(error, LoginRequired)
    assert urlsplit(hub).netloc in error.message
    assert "HF_ENDPOINT" in hint(error)


def test_a_gated_file_names_the_page_and_the_variable(world: LoopbackWorld, clients: Any) -> None:
    world.publish("huggingface", LOCATOR, DATA, gated=True)
    client = clients(world.environment())
    error = client.explained(SOURCE, client.locate(SOURCE))
    assert isinstance(error, AccessRequired)
    assert "https://huggingface.co/org/a-vae" in hint(error)
    assert "HF_TOKEN" in hint(error)


def test_a_token_without_access_to_a_gated_file_is_told_so(
    world: LoopbackWorld, clients: Any
) -> None:
    world.publish("huggingface", LOCATOR, DATA, gated=True, granted=False)
    client = clients(world.environment(login=["huggingface"]))
    error = client.explained(SOURCE, client.locate(SOURCE))
    assert isinstance(error, AccessRequired)
    assert "account of your token" in error.message


def test_a_stale_token_is_told_from_none(world: LoopbackWorld, clients: Any) -> None:
    world.publish("huggingface", LOCATOR, DATA)
    client = clients({**world.environment(), "HF_TOKEN": "stale"})
    error = client.explained(SOURCE, client.locate(SOURCE))
    assert isinstance(error, LoginRequired)
    assert "does not accept your token" in error.message
    assert "stale" not in error.message + hint(error)


def test_a_disabled_repository_is_told_so(world: LoopbackWorld, clients: Any) -> None:
    world.publish("huggingface", LOCATOR, DATA, disabled=True)
    client = clients(world.environment())
    error = client.explained(SOURCE, client.locate(SOURCE))
    assert type(error) is SourceRefused
    assert "disabled" in error.message


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"repo": "org/other"}, "no repository org/other"),
        ({"revision": "0" * 40}, "no revision 0000"),
        ({"path": "b.safetensors"}, "no file b.safetensors"),
    ],
)
def test_what_is_not_there_is_final_also_with_a_pin(
    world: LoopbackWorld, clients: Any, change: dict[str, str], word: str
) -> None:
    world.publish("huggingface", LOCATOR, DATA)
    with pytest.raises(SourceGone, match=word):
        clients(world.environment()).locate(
            Source("huggingface", {**LOCATOR, **change}), sha256=DIGEST
        )


def test_a_file_outside_lfs_has_a_size_and_no_sha256(world: LoopbackWorld, clients: Any) -> None:
    world.publish("huggingface", LOCATOR, DATA, lfs=False)
    download = clients(world.environment()).locate(SOURCE)
    assert (download.size, download.sha256) == (len(DATA), None)


def test_offline_forbids_the_client_too(world: LoopbackWorld, clients: Any) -> None:
    world.publish("huggingface", LOCATOR, DATA)
    with pytest.raises(Offline):
        clients({**world.environment(), "VAEHUB_OFFLINE": "1"}).locate(SOURCE, sha256=DIGEST)
    assert world.requests == []


def test_the_client_s_own_offline_switch_is_obeyed(world: LoopbackWorld) -> None:
    code = (
        "import sys\n"
        "from vaehub import errors\n"
        "from vaehub.hosts import hub_client\n"
        "try:\n"
        "    hub_client.paths_info(sys.argv[1], 'o/r', 'main', 'a', token=None, deadline=9)\n"
        "except errors.SourceRefused as error:\n"
        "    print(error.message)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, world.environment()["HF_ENDPOINT"]],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert "HF_HUB_OFFLINE" in done.stdout
    assert world.requests == []


@pytest.mark.parametrize("repo", ["a/b/c", "org/../x", "org/a b"])
def test_a_repository_that_cannot_be_is_refused(
    world: LoopbackWorld, clients: Any, repo: str
) -> None:
    with pytest.raises(SourceUnusable):
        clients(world.environment()).locate(Source("huggingface", {**LOCATOR, "repo": repo}))


def explain(status: int, headers: dict[str, str], **environment: str) -> SourceError:
    refusal = Refusal(status, "https://huggingface.co/x", headers, b"", "huggingface.co")
    return huggingface.explain(SOURCE, refusal, settings=settings.load(environment))


def test_the_hub_s_own_rate_limit_tells_when_it_ends() -> None:
    error = explain(429, {"ratelimit": '"resolvers";r=0;t=51'})
    assert isinstance(error, RateLimited)
    assert error.retry_after == 51


def test_a_rate_limit_that_is_not_used_up_says_nothing() -> None:
    error = explain(429, {"ratelimit": '"api";r=499;t=51', "Retry-After": "7"})
    assert isinstance(error, RateLimited)
    assert error.retry_after == 7


def test_a_private_repository_in_the_catalog_wants_a_login() -> None:
    refusal = Refusal(401, "https://x/", {"x-error-code": "RepoNotFound"}, b"", "huggingface.co")
    private = Source("huggingface", LOCATOR, login=True)
    error = huggingface.explain(private, refusal, settings=settings.load({}))
    assert isinstance(error, LoginRequired)
    assert "HF_TOKEN" in (error.hint or "")


def test_a_token_without_the_right_to_read_is_told_so() -> None:
    error = explain(403, {"X-Error-Message": "Forbidden"}, HF_TOKEN="abc")
    assert type(error) is SourceRefused
    assert "token" in (error.hint or "")


def test_the_cdn_is_not_taken_for_the_hub() -> None:
    refusal = Refusal(403, "https://x/", {}, b"<Error/>", "us.aws.cdn.hf.co")
    error = huggingface.explain(SOURCE, refusal, settings=settings.load({}))
    assert isinstance(error, SourceUnreachable)


def _repo_file(entry: dict[str, Any]) -> object:
    return RepoFile(**entry)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "entry", sample("huggingface-tree") + sample("huggingface-paths-info-olah")
)
def test_recorded_entries_are_read(entry: dict[str, Any]) -> None:
    found = huggingface.record([_repo_file(entry)], SOURCE, entry["path"])
    assert found.size == entry["size"]
    assert found.sha256 == entry.get("lfs", {}).get("oid")


def test_a_folder_is_no_file() -> None:
    folder: object = RepoFolder(path="vae", oid="0", type="directory")  # type: ignore[no-untyped-call]
    with pytest.raises(SourceGone):
        huggingface.record([folder], SOURCE, "vae")


def test_a_payload_gone_wrong_ends_in_our_errors_only(clients: Any) -> None:
    entries = sample("huggingface-tree")
    body = b""

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        return 200, {"Content-Type": "application/json"}, body

    with serve(answer) as endpoint:
        client: Client = clients({"HF_ENDPOINT": endpoint})
        source = Source("huggingface", {"repo": "o/r", "revision": "main", "path": "ggml-tiny.bin"})

        @options(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(mutated(entries))
        def check(payload: Any) -> None:
            nonlocal body
            body = json.dumps(payload).encode()
            found = outcome(lambda: client.locate(source))
            if isinstance(found, str):
                assert found.isprintable()
            else:
                assert found.sha256 is None or len(found.sha256) == 64

        check()


def test_label_and_page_name_the_source() -> None:
    assert huggingface.label(SOURCE) == "huggingface org/a-vae vae/a vae #1.safetensors"
    assert huggingface.page(SOURCE) == "https://huggingface.co/org/a-vae"
