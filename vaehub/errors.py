"""Every error that vaehub raises on purpose, with its exit code.

::

    VaehubError                     1  (never raised itself; a bare traceback is a bug of ours)
    ├── UsageError                  2
    │   ├── ManifestError              vaehub.yaml is wrong or missing; carries the problems
    │   └── LockError                  vaehub.lock is not there, or is none
    ├── CatalogError                3  a catalog is wrong; carries the problems with file and line
    ├── NamingError                 4
    │   ├── EntryNotFound
    │   ├── EntryAmbiguous
    │   ├── VariantNotFound
    │   └── CheckpointNotFound         --for names no checkpoint, or several
    ├── SourceError                 5  one source cannot deliver
    │   ├── SourceUnreachable          no connection, time-out, 5xx that lasts
    │   ├── SourceGone                 404, 410, taken down
    │   ├── SourceRefused              the host says no: plan, early access, region, quota
    │   │   ├── LoginRequired          a token would help
    │   │   ├── AccessRequired         gated: somebody must accept terms in a browser
    │   │   └── RateLimited            429; carries retry_after
    │   ├── SourceUnusable             the answer makes no sense (an HTML page from an API, ...)
    │   ├── Offline                    VAEHUB_OFFLINE is set
    │   ├── LicenseNotAccepted         the entry's license asks for acceptance
    │   └── NoSourceDelivered          all sources failed; 6 if any of them gave wrong bytes
    ├── IntegrityError              6  bytes that are not what the catalog says
    │   ├── SizeMismatch
    │   ├── HashMismatch
    │   ├── NotAModel                  HTML, JSON, an LFS pointer, a truncated file
    │   ├── NotAPicture                what explain was given
    │   ├── UnsafePickle
    │   ├── BundleRefused              a bundle is damaged, or is none
    │   └── NotPinned                  no sha256 in the catalog, and the user asked for one
    ├── TargetError                 7  the place to install to
    │   ├── TargetNotUsable            no such folder, not writable, read-only
    │   ├── TargetRefuses              this UI would not list or load that file
    │   ├── FileInTheWay               a file of the user's has the name
    │   └── DiskFull
    ├── SmokeFailed                 8
    │   └── CannotDecode               no engine here decodes it; says what is missing
    └── Drift                       9  something installed differs from the catalog or the lock

Each class has ``code`` (stable, for ``--json``) and ``exit_code``; each instance has a message
for the person and, where there is one, a ``hint``: what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaehub.model import Problem


class VaehubError(Exception):
    """Base of all errors a person may see."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(VaehubError):
    """The command line or the configuration asks for something impossible."""

    exit_code = 2
    code = "usage"


class ManifestError(UsageError):
    """The manifest cannot be read, or contradicts itself."""

    code = "manifest"

    def __init__(
        self, message: str, *, hint: str | None = None, problems: Sequence[Problem] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class LockError(UsageError):
    """The lock is not there, or is none."""

    code = "lock"


class CatalogError(VaehubError):
    """A catalog cannot be read or breaks a rule."""

    exit_code = 3
    code = "catalog"

    def __init__(
        self, message: str, *, hint: str | None = None, problems: Sequence[Problem] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class NamingError(VaehubError):
    """A name given by the user does not lead to exactly one thing."""

    exit_code = 4
    code = "name"


class EntryNotFound(NamingError):
    """``no VAE is called 'kl-f8-anime9'; did you mean kl-f8-anime2?``."""

    code = "entry-not-found"


class EntryAmbiguous(NamingError):
    """``'house' is in two catalogs: acme/house, mine/house``."""

    code = "entry-ambiguous"


class VariantNotFound(NamingError):
    """``clearvae has no variant 'v9'; it has v2.3, v2.2, ...``."""

    code = "variant-not-found"


class CheckpointNotFound(NamingError):
    """``there is no checkpoint 'anythin' in ...; did you mean anything-v4.safetensors?``."""

    code = "checkpoint-not-found"


class SourceError(VaehubError):
    """One source could not deliver an artifact."""

    exit_code = 5
    code = "source"


class SourceUnreachable(SourceError):
    """The host did not answer, or not to the end."""

    code = "source-unreachable"


class SourceGone(SourceError):
    """The host says that the file is not there (any more)."""

    code = "source-gone"


class SourceRefused(SourceError):
    """The host answered and says no: early access, region, quota, plan."""

    code = "source-refused"


class LoginRequired(SourceRefused):
    """The host wants a token; the hint names the variable and the page."""

    code = "login-required"


class AccessRequired(SourceRefused):
    """The repository is gated; the hint names the page where terms are accepted."""

    code = "access-required"


class RateLimited(SourceRefused):
    """The host asks us to slow down."""

    code = "rate-limited"

    def __init__(
        self, message: str, *, hint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        """Seconds the host asked us to wait, where it said so."""


class SourceUnusable(SourceError):
    """The host's answer is not what its protocol says."""

    code = "source-unusable"


class Offline(SourceError):
    """A download would be needed and ``VAEHUB_OFFLINE`` forbids it."""

    code = "offline"


class LicenseNotAccepted(SourceError):
    """The license asks for acceptance and nobody has given it on this machine."""

    code = "license-not-accepted"


class NoSourceDelivered(SourceError):
    """Every source of an artifact failed; ``attempts`` tells each one's reason."""

    code = "no-source-delivered"

    def __init__(
        self, message: str, *, attempts: Sequence[tuple[str, VaehubError]], hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.attempts = tuple(attempts)
        """Pairs of (source label, error), in the order tried."""
        wrong_bytes = any(isinstance(error, IntegrityError) for _, error in self.attempts)
        # A source that sent wrong bytes is the graver finding: scripts must see 6, not 5.
        self.exit_code = IntegrityError.exit_code if wrong_bytes else SourceError.exit_code  # type: ignore[misc]


class IntegrityError(VaehubError):
    """Bytes that are not what the catalog says; never installed."""

    exit_code = 6
    code = "integrity"


class SizeMismatch(IntegrityError):
    """The number of bytes differs from the catalog."""

    code = "size-mismatch"


class HashMismatch(IntegrityError):
    """The sha256 differs from the catalog."""

    code = "hash-mismatch"


class NotAModel(IntegrityError):
    """An HTML page, a JSON error, a Git LFS pointer, a truncated file ..."""

    code = "not-a-model"


class NotAPicture(IntegrityError):
    """A file that is no picture was given to be explained."""

    code = "not-a-picture"


class UnsafePickle(IntegrityError):
    """A pickle that names more than tensors and plain containers."""

    code = "unsafe-pickle"


class BundleRefused(IntegrityError):
    """A bundle is cut off, damaged, or a tar that holds what no bundle does."""

    code = "bundle-refused"


class NotPinned(IntegrityError):
    """The catalog knows no sha256 of the file, and ``--require-pinned`` was given."""

    code = "not-pinned"


class TargetError(VaehubError):
    """The place to install to is the trouble."""

    exit_code = 7
    code = "target"


class TargetNotUsable(TargetError):
    """The folder is missing, read-only, or not a folder."""

    code = "target-not-usable"


class TargetRefuses(TargetError):
    """The UI at the target would not list or could not load the file."""

    code = "target-refuses"


class FileInTheWay(TargetError):
    """A file that vaehub did not place has the name; it is never touched."""

    code = "file-in-the-way"


class DiskFull(TargetError):
    """Not enough free space; says how much is needed, and where."""

    code = "disk-full"


class SmokeFailed(VaehubError):
    """A decode smoke test condemned a VAE."""

    exit_code = 8
    code = "smoke-failed"


class CannotDecode(SmokeFailed):
    """No engine here decodes this VAE; the message says why, the hint what would help."""

    code = "cannot-decode"


class Drift(VaehubError):
    """Something installed differs from the catalog or the lock."""

    exit_code = 9
    code = "drift"
