from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vaehub.weights.compare import Misshapen, compare, group

NAMES = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join), unique=True
)


def test_names_what_is_missing_unexpected_and_misshapen() -> None:
    manifest = {"a.x": (1,), "a.y": (2,), "b": (3,), "n.num_batches_tracked": ()}
    difference = compare(manifest, {"a.x": (1,), "b": (4,), "c.d": (1,), "c.e": (1,)})
    assert difference.missing == ("a.y",)
    assert difference.unexpected == ("c.d", "c.e")
    assert difference.misshapen == (Misshapen("b", (3,), (4,)),)
    assert list(difference.lines()) == [
        "missing: a.y",
        "unexpected: c (2 tensors)",
        "another shape: b is [4], not [3]",
    ]
    assert not difference.complete


def test_equal_ones_are_complete() -> None:
    assert compare({"a": (1,)}, {"a": (1,)}).complete


@given(NAMES, st.data())
def test_groups_cover_every_name_once_and_no_other(names: list[str], data: st.DataObject) -> None:
    # A tensor is never a part at once: names that are a part of others cannot be told apart.
    names = [n for n in names if not any(other.startswith(f"{n}.") for other in names)]
    some = data.draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    covered: list[str] = []
    for line in group(some, among=names):
        part = line.partition(" (")[0]
        covered += [name for name in names if name == part or name.startswith(f"{part}.")]
    assert sorted(covered) == sorted(some)


@given(NAMES)
def test_a_manifest_holds_itself(names: list[str]) -> None:
    shapes = {name: (len(name),) for name in names}
    assert compare(shapes, shapes).complete
