"""Ask the official Hugging Face client about one file, and keep its side effects out.

huggingface_hub reads the environment once, at import, shares one HTTP client without a time-out
among all its users, names torch and the program around it in its User-Agent (for the latter it
asks the Hub for a list), and prints warnings that a server sends. vaehub may be a guest in a
process that uses the client too, so none of that is switched off globally:

* headers are built here, which leaves out telemetry and the look-up that goes with it;
* the call runs in a thread of its own, which gives it a deadline whatever the client's version;
* what that thread logs is not printed.

Knows nothing of what an answer means: that is said in :mod:`vaehub.hosts.huggingface`.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vaehub import __version__
from vaehub.errors import SourceRefused, SourceUnreachable, SourceUnusable
from vaehub.hosts.base import Refusal
from vaehub.transfer.addresses import safe_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BODY = 4096


def paths_info(
    endpoint: str, repo: str, revision: str, path: str, *, token: str | None, deadline: float
) -> Sequence[object] | Refusal:
    """Ask what a repository holds at a path.

    Args:
        endpoint: Base URL of the Hub or of a mirror of it.
        repo: ``owner/name``.
        revision: A commit, tag or branch.
        path: Of the file inside the repository.
        token: Goes to the endpoint's origin only; None sends none, also where the user has logged
            in with the client.
        deadline: Seconds for the whole of it.

    Returns:
        The client's own records, none if there is nothing; or the answer that refused.

    Raises:
        SourceUnreachable: no answer, or not in time.
        SourceRefused: ``HF_HUB_OFFLINE`` is set.
        SourceUnusable: an answer that the client cannot read.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
    )

    class Api(HfApi):
        def _build_hf_headers(self, *args: Any, **kwargs: Any) -> dict[str, str]:
            headers = {"user-agent": f"vaehub/{__version__}"}
            return headers | ({"authorization": f"Bearer {token}"} if token else {})

    def ask() -> Sequence[object]:
        return Api(endpoint=endpoint, token=False).get_paths_info(repo, [path], revision=revision)

    place = safe_url(endpoint)
    try:
        return _within(deadline, ask, late=f"{place}: no answer about {repo} in {deadline:.0f} s")
    except HfHubHTTPError as error:
        return _refusal(error, endpoint)
    except OfflineModeIsEnabled:
        raise SourceRefused(
            "HF_HUB_OFFLINE is set and forbids every request to Hugging Face",
            hint="unset HF_HUB_OFFLINE (and TRANSFORMERS_OFFLINE)",
        ) from None
    except HFValidationError:
        raise SourceUnusable(f"{repo!r} is not the name of a repository") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SourceUnusable(
            f"{place}: the answer about {repo} is not what the Hub's API says",
            hint="a login page, a captive portal or a proxy may stand in between",
        ) from None
    except SourceUnreachable:
        raise
    except Exception as error:
        # Connection errors: requests' before version 1 of the client, httpx's, then httpx2's. Told
        # by kind alone, since their texts may hold headers.
        raise SourceUnreachable(
            f"{place}: no connection ({type(error).__name__})",
            hint="check the network, HTTPS_PROXY, and HF_ENDPOINT if it is set",
        ) from None


def _within(deadline: float, ask: Callable[[], Sequence[object]], *, late: str) -> Sequence[object]:
    """Run a function in a thread and wait for it no longer than that."""
    results: list[Sequence[object]] = []
    failures: list[Exception] = []

    def run() -> None:
        with _Quiet():
            try:
                results.append(ask())
            except Exception as error:
                failures.append(error)

    # A daemon: a server that never answers must not keep the process alive.
    thread = threading.Thread(target=run, name="vaehub hub", daemon=True)
    thread.start()
    thread.join(deadline)
    if failures:
        raise failures[0]
    if not results:
        raise SourceUnreachable(late)
    return results[0]


class _Quiet(logging.Filter):
    """Keeps the client's own handlers from printing what the current thread logs."""

    def __enter__(self) -> None:
        self._thread = threading.get_ident()
        self._handlers = list(logging.getLogger("huggingface_hub").handlers)
        for handler in self._handlers:
            handler.addFilter(self)

    def __exit__(self, *_: object) -> None:
        for handler in self._handlers:
            handler.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread


def _refusal(error: Any, endpoint: str) -> Refusal:
    response = error.response
    url = str(getattr(response, "url", "") or endpoint)
    return Refusal(
        status=int(getattr(response, "status_code", 0) or 0),
        url=safe_url(url),
        headers={str(key): str(value) for key, value in response.headers.items()},
        body=bytes(getattr(response, "content", b"") or b"")[:_BODY],
        final_host=urlsplit(url).netloc,
    )
