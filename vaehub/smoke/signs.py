"""Signs of damage that the statistics of one tensor can show, each with its evidence.

Pure: takes :class:`~vaehub.smoke.statistics.Statistics` and a name, and knows no file. Which signs
damn a file, and what to say of them, is for :mod:`vaehub.smoke.findings`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaehub.smoke.statistics import Statistics

OUTLIER = 20.0
"""Times the ninth largest magnitude of the tensor; the largest ratio in the 226 trained tensors of
TAEF2 and of the autoencoder that ships is 5.7, and 3.6 where channels are mixed."""
GIANT = 1000.0
"""The same ratio, where it damns. An exponent's top bit flipped makes an ordinary weight 2**128
times larger in float32 and bfloat16, 2**16 times in float16. (The next bits flipped make it vanish,
which no statistic shows; the file's sha256 does.) Uniformly large tensors exist: a function does
not change when one layer is scaled up and the next down."""
GIANT_AMONG_MANY = 100.0
"""The same in large layers that mix channels: scaling a channel makes a whole row larger, never one
element. Of small weights in float16, a flipped bit makes no more than that (the tail of the bell
curve: one in twelve of TAEF2's)."""
FEW = 64
"""Elements up to which the ninth largest says nothing of the largest: 4 x 4 weights around a latent
may well be the identity and some noise."""
LONG_RUN = 64
"""Zeros in a row that are looked at; in trained weights not even two neighbours are zero (TAEF2: 8
zeros in 2.7 million elements). In pruned ones a run must be four times what chance gives."""
LARGE = 1024
"""Elements of a layer whose distribution can be told from its moments."""
ASTRONOMIC = 1e10
"""A magnitude that no weight has, alone or in company: its square leaves float32's precision."""
_ROUNDING = 0.004
"""Half a unit in the last place of bfloat16, the coarsest type that weights are kept in."""
# The last convolution of a residual branch: zero makes the branch say nothing and the block pass
# its input on. Some models are initialised like that, and a pruned one may stay so.
_BRANCH_ENDS = (
    *("proj_out", "to_out.0", "to_out", "conv2", "conv_shortcut", "nin_shortcut"),
    # Wan 2.1 and Qwen-Image (wan/modules/vae.py), whose attention and time_conv begin at zero
    *(".proj", ".residual.6", ".time_conv"),
)


def is_matrix(one: Statistics) -> bool:
    """Whether it mixes channels: more than one dimension is longer than one."""
    return sum(length > 1 for length in one.shape) >= 2 and is_float(one)


def is_float(one: Statistics) -> bool:
    """Whether it is a weight at all, not a counter or an index."""
    return "float" in one.dtype or "complex" in one.dtype


def is_beyond_half(one: Statistics) -> bool:
    """Whether it becomes infinite where it is cast to float16."""
    return one.beyond_half > 0 and is_float(one)


def is_branch_end(name: str) -> bool:
    """Whether a layer's output is added to something that goes on without it."""
    return name.removesuffix(".weight").endswith(_BRANCH_ENDS)


def is_dead(name: str, one: Statistics) -> bool:
    """Whether nothing gets through a layer that everything has to get through."""
    return one.is_zero and is_matrix(one) and not is_branch_end(name)


def is_silent(name: str, one: Statistics) -> bool:
    """Whether a branch or a norm says nothing, which a sound model can do."""
    if not one.is_zero or not name.endswith(("weight", "gamma")):
        return False
    return not is_matrix(one) or is_branch_end(name)


def is_flat(name: str, one: Statistics) -> bool:
    """Whether a learned weight is one number; a small fixed kernel (an average) may well be."""
    if not one.is_constant or one.is_zero or one.elements < LARGE:
        return False
    return is_matrix(one) and name.endswith(".weight")


def lead(one: Statistics) -> float:
    """Say how many times its largest element is larger than the ninth largest."""
    if not one.ninth or not is_float(one) or one.elements <= FEW:
        return 1.0
    return one.largest / one.ninth


def is_giant(one: Statistics) -> bool:
    """Whether an element is what no training gives."""
    is_large_layer = is_matrix(one) and one.elements >= LARGE
    limit = GIANT_AMONG_MANY if is_large_layer else GIANT
    return is_float(one) and (one.largest > ASTRONOMIC or lead(one) > limit)


def is_outlier(one: Statistics) -> bool:
    """Whether an element is what training hardly gives."""
    return lead(one) > OUTLIER and not is_giant(one) and is_matrix(one)


def row(one: Statistics) -> int:
    """Count the elements of one output channel."""
    return math.prod(one.shape[1:])


def has_long_run(one: Statistics) -> bool:
    """Whether more elements in a row are zero than chance explains."""
    if one.zero_run is None or not is_matrix(one):
        return False
    length = one.zero_run[1]
    # Among n independent elements of which a share p is zero, the longest run of zeros is about
    # log n / log (1/p) long (Erdős and Rényi 1970).
    share = (one.zeros - length) / (one.elements - length)
    by_chance = math.log(one.elements) / -math.log(share) if share > 0 else 0
    return length >= max(LONG_RUN, 4 * by_chance)


def has_hole(one: Statistics) -> bool:
    """Whether the run takes a whole output channel and ends within another.

    Channels die, and in float16 what is left of them underflows to zero here and there; but each
    dies alone, and to its end.
    """
    return (
        has_long_run(one)
        and one.zero_run is not None
        and (one.zero_run[1] > row(one) and not _keeps_to_channels(one))
    )


def has_dead_channels(one: Statistics) -> bool:
    """Whether the run is whole output channels, or lies in a single one."""
    return has_long_run(one) and not has_hole(one)


def _keeps_to_channels(one: Statistics) -> bool:
    start, length = one.zero_run or (0, 0)
    return start % row(one) == 0 and length % row(one) == 0


def is_as_initialised(one: Statistics) -> bool:
    """Whether a layer is just as torch initialises it.

    ``Conv`` and ``Linear`` draw from the uniform distribution between plus and minus one over the
    root of the fan-in (``kaiming_uniform_`` with a = sqrt(5), torch/nn/modules/conv.py); its
    standard deviation is that bound over the root of three, and no training keeps both.
    """
    if not is_matrix(one) or one.elements < LARGE or one.nan or one.inf:
        return False
    bound = 1 / math.sqrt(row(one))
    spread = 4 / math.sqrt(one.elements) + _ROUNDING
    return (
        1 - 20 / one.elements - _ROUNDING <= one.largest / bound <= 1 + _ROUNDING
        and abs(one.std * math.sqrt(3) / bound - 1) <= spread
    )
