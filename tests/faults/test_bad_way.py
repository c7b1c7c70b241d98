"""The bytes are right and the way is bad: cuts, silence, ranges, redirects, further runs."""

from __future__ import annotations

import pytest

from tests.faults.desk import COMMIT, DATA, SIZE, Desk, publish
from vaehub.errors import FileInTheWay, SourceUnreachable, SourceUnusable
from vaehub.transfer.patience import Patience


@pytest.mark.parametrize("host", ["huggingface", "civitai", "liblib", "modelscope", "github"])
def test_a_cut_transfer_goes_on_where_it_ended(desk: Desk, host: str) -> None:
    publish(desk.world, host)
    desk.login = ("civitai", "liblib")
    desk.world.faults(host).cut_after(100_000)
    desk.install(host)
    assert desk.installed == DATA
    assert desk.world.bytes_sent(host) == SIZE
    assert desk.asked_for(host)[-1] == "bytes=100000-"
    assert desk.world.leaks == []


def test_a_transfer_that_is_cut_again_and_again_ends_all_the_same(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").cut_after(50_000, times=6)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE


def test_a_cut_without_content_length_is_noticed(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").no_length(times=1)
    desk.world.faults("huggingface").cut_after(100_000)
    desk.install("huggingface")
    assert desk.installed == DATA


def test_a_host_without_content_length_is_fine(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").no_length()
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE


def test_silence_is_ended_and_the_transfer_goes_on(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").stall(after=100_000)
    desk.patience = Patience(read=1.0)
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE


def test_a_host_that_ignores_ranges_is_asked_for_the_whole(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").cut_after(100_000)
    desk.world.faults("huggingface").ignore_range()
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") <= 100_000 + SIZE


def test_modelscopes_range_in_a_200_is_taken_for_what_it_is(desk: Desk) -> None:
    publish(desk.world, "modelscope")
    desk.world.faults("modelscope").cut_after(100_000)
    desk.world.faults("modelscope").range_as_200()
    desk.install("modelscope")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("modelscope") == SIZE


def test_a_range_that_was_not_asked_for_is_never_appended(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").cut_after(100_000)
    desk.world.faults("huggingface").range_from_zero()
    desk.install("huggingface", "modelscope")
    assert desk.installed == DATA


def test_a_connection_that_ends_without_a_word_is_tried_again(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").hang_up(times=2)
    desk.install("huggingface")
    assert desk.installed == DATA


def test_the_next_source_goes_on_with_the_same_partial(desk: Desk) -> None:
    publish(desk.world, "huggingface", "modelscope")
    desk.world.faults("huggingface").cut_after(100_000)
    desk.world.faults("huggingface").hang_up(skip=1)
    result = desk.install("huggingface", "modelscope")
    assert desk.installed == DATA
    [(_, error)] = result.steps[0].attempts
    assert isinstance(error, SourceUnreachable)
    assert desk.asked_for("modelscope") == ["bytes=100000-"]
    assert desk.world.bytes_sent("modelscope") == SIZE - 100_000


def test_a_signed_address_that_ran_out_is_asked_for_anew(desk: Desk) -> None:
    publish(desk.world, "civitai")
    desk.login = ("civitai",)
    desk.world.faults("civitai").expire_after(1)
    desk.world.faults("civitai").cut_after(100_000, times=2)
    desk.install("civitai")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("civitai") == SIZE
    doors = [seen for seen in desk.world.seen("civitai api") if "/download/" in seen.path]
    assert len(doors) == 3
    assert desk.world.leaks == []


@pytest.mark.parametrize(
    "elsewhere", ["http://192.0.2.1/x.safetensors", "ftp://192.0.2.1/x.safetensors"]
)
def test_a_redirect_to_plain_http_is_not_followed(desk: Desk, elsewhere: str) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").redirect_to(elsewhere)
    assert isinstance(desk.refusal("huggingface"), SourceUnusable)


def test_a_redirect_in_a_circle_ends(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    url = f"{desk.world.environment()['HF_ENDPOINT']}/someone/vae/resolve/{COMMIT}/x.safetensors"
    desk.world.faults("huggingface").redirect_to(url)
    assert isinstance(desk.refusal("huggingface"), SourceUnusable)


def test_a_mirror_of_the_hub_that_sends_away_is_told(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").redirect_to("https://huggingface.co/someone/vae", status=308)
    assert isinstance(desk.refusal("huggingface"), SourceUnreachable)


def test_the_next_run_goes_on_from_the_bytes_already_here(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").cut_after(100_000)
    desk.world.faults("huggingface").hang_up(skip=1)
    assert isinstance(desk.refusal("huggingface"), SourceUnreachable)
    desk.world.faults("huggingface").clear()
    desk.install("huggingface")
    assert desk.installed == DATA
    assert desk.world.bytes_sent("huggingface") == SIZE


def test_wrong_bytes_are_not_kept_for_the_next_run(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    desk.world.faults("huggingface").flip_byte(200_000)
    desk.refusal("huggingface")
    desk.world.faults("huggingface").clear()
    desk.install("huggingface")
    assert desk.installed == DATA


def test_a_file_of_the_users_is_found_before_any_request(desk: Desk) -> None:
    publish(desk.world, "huggingface")
    (desk.tree / "models" / "VAE" / "x.safetensors").write_bytes(b"the user's own")
    error = desk.refusal("huggingface")
    assert isinstance(error, FileInTheWay)
    assert error.exit_code == 7
    assert desk.world.requests == []


def test_no_request_looks_like_a_browsers_or_a_librarys(desk: Desk) -> None:
    publish(desk.world, "huggingface", "civitai", "liblib", "modelscope", "github", flow="direct")
    for host in ("civitai", "liblib", "modelscope", "github", "huggingface"):
        desk.world.faults(host).flip_byte(-1)
    desk.login = ("civitai",)
    desk.refusal("civitai", "liblib", "modelscope", "github", "huggingface")
    agents = {seen.headers.get("user-agent", "") for seen in desk.world.requests}
    assert len(desk.world.requests) > 10
    assert all(agent.startswith("vaehub/") for agent in agents)
