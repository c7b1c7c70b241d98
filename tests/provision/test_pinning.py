"""The sha256 of what a catalog does not pin is the host's word, and then the lock's."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.provision.wanting import BYTES, COMMIT
from vaehub import hosts, settings
from vaehub.errors import NoSourceDelivered, NotPinned
from vaehub.model import Artifact, Source
from vaehub.provision import pinning
from vaehub.provision.manifest import Policy
from vaehub.settings import TOKEN_VARIABLES
from vaehub.transfer.session import Session

if TYPE_CHECKING:
    from vaehub.loopback import LoopbackWorld

NAME = "loose.safetensors"
DATA = BYTES[NAME]
LOCATORS: dict[str, dict[str, str | int]] = {
    "huggingface": {"repo": "acme/vaes", "revision": COMMIT, "path": NAME},
    "modelscope": {"repo": "acme/vaes", "revision": COMMIT, "path": NAME},
    "civitai": {"model": 1, "version": 2},
    "liblib": {"model": "1" * 32, "version": "0" * 32},
}


def pin(world: LoopbackWorld, *names: str, allowed: tuple[str, ...] = ()) -> Artifact:
    said = settings.load(world.environment(login=TOKEN_VARIABLES))
    sources = tuple(Source(name, LOCATORS[name]) for name in names)
    with Session(said) as session:
        ask = pinning.with_hosts(Policy(hosts=allowed), None, session=session, settings=said)
        return ask(Artifact(NAME, sources, evidence="host"))


@pytest.mark.parametrize("name", LOCATORS)
def test_every_host_that_knows_it_says_it(world: LoopbackWorld, name: str) -> None:
    assert set(LOCATORS) <= set(hosts.names())
    world.publish(name, LOCATORS[name], DATA)
    found = pin(world, name)
    assert found.sha256 == hashlib.sha256(DATA).hexdigest()
    assert found.evidence == "host"
    assert found.size == len(DATA)
    assert not world.leaks


def test_the_next_one_is_asked_where_one_fails_or_does_not_say(world: LoopbackWorld) -> None:
    world.publish("civitai", LOCATORS["civitai"], DATA, sha256=None)
    world.publish("modelscope", LOCATORS["modelscope"], DATA)
    found = pin(world, "huggingface", "civitai", "modelscope")
    assert found.sha256 == hashlib.sha256(DATA).hexdigest()


def test_only_hosts_of_the_policy_are_asked_in_its_order(world: LoopbackWorld) -> None:
    world.publish("huggingface", LOCATORS["huggingface"], DATA)
    world.publish("modelscope", LOCATORS["modelscope"], DATA)
    pin(world, "huggingface", "modelscope", allowed=("modelscope", "huggingface"))
    assert not world.seen("huggingface")
    with pytest.raises(NotPinned, match="no host that the policy allows"):
        pin(world, "huggingface", allowed=("civitai",))
    assert not world.seen("huggingface")


def test_where_all_fail_each_says_why(world: LoopbackWorld) -> None:
    with pytest.raises(NoSourceDelivered) as caught:
        pin(world, "huggingface", "modelscope")
    assert [label.split()[0] for label, _ in caught.value.attempts] == ["huggingface", "modelscope"]
    assert caught.value.exit_code == 5
