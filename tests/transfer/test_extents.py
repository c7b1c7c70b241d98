"""Whose bytes are here: the same answers as a plain list with one owner for each byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vaehub.transfer.extents import Extent, Extents, Owner

SIZE = 24
OWNERS = [Owner("one", True), Owner("two", True), Owner("one", False)]
acts = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "drop", "drop owner", "cut"]),
        st.integers(0, SIZE),
        st.integers(0, SIZE),
        st.sampled_from(OWNERS),
    ),
    max_size=20,
)


@given(acts)
def test_as_one_owner_for_each_byte(acts: list[tuple[str, int, int, Owner]]) -> None:
    extents = Extents()
    model: list[Owner | None] = [None] * SIZE
    for act, start, end, owner in acts:
        match act:
            case "put":
                extents.put(start, end, owner)
                model[start:end] = [owner] * max(0, end - start)
            case "drop":
                extents.drop(start, max(start, end))
                model[start:end] = [None] * max(0, end - start)
            case "cut":
                extents.drop(start)
                model[start:] = [None] * (SIZE - start)
            case _:
                before = [at for at, mine in enumerate(model) if mine == owner]
                gone = extents.drop_those(owner.__eq__)
                assert [at for part in gone for at in range(part.start, part.end)] == before
                model = [None if mine == owner else mine for mine in model]
        seen: list[Owner | None] = [None] * SIZE
        for part in extents.parts:
            assert all(here is None for here in seen[part.start : part.end]), "they overlap"
            seen[part.start : part.end] = [part.owner] * part.size
        assert seen == model
        assert extents.present == sum(mine is not None for mine in model)
        assert extents.length == next((at for at, m in enumerate(model) if m is None), SIZE)
        missing = {at for a, b in extents.missing(SIZE) for at in range(a, b)}
        assert missing == {at for at, mine in enumerate(model) if mine is None}
        assert extents.owners() == {o: model.count(o) for o in OWNERS if o in model}


def test_neighbours_of_one_owner_are_one_extent() -> None:
    one, two = OWNERS[:2]
    extents = Extents()
    for start, end in ((0, 4), (8, 12), (4, 8)):
        extents.put(start, end, one)
    extents.put(12, 14, two)
    assert extents.parts == (Extent(0, 12, one), Extent(12, 14, two))
    assert extents.gaps(10, 20) == [(14, 20)]
