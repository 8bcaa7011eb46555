"""Tiles against the examples of C2SP tlog-tiles, and readers, bundles and paths under hostile input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.merkle import MemoryTree, consistency_proof, inclusion_proof, leaf_hash, root
from dengji.ledger.pure.tiles import (
    ENTRIES,
    Tile,
    TileReader,
    decode_bundle,
    encode_bundle,
    new_bundles,
    new_tiles,
    tile_data,
)

SIZE = 70_000

PATHS = {
    "tile/0/x001/x234/067": Tile(0, 1_234_067),
    "tile/entries/x001/x234/067.p/8": Tile(ENTRIES, 1_234_067, 8),
    "tile/0/000": Tile(0, 0),
    "tile/0/067": Tile(0, 67),
    "tile/0/x001/067": Tile(0, 1067),
    "tile/0/273.p/112": Tile(0, 273, 112),
    "tile/2/000.p/1": Tile(2, 0, 1),
    "tile/63/000.p/255": None,
    "tile/64/000": None,
    "tile/00/000": None,
    "tile/-1/000": None,
    "tile/0/0": None,
    "tile/0/x000/067": None,
    "tile/0/001/067": None,
    "tile/0/x001/x067": None,
    "tile/0/000.p/0": None,
    "tile/0/000.p/01": None,
    "tile/0/000.p/256": None,
    "tile/0/000.p/999": None,
    "tile/0/000/": None,
    "/tile/0/000": None,
    "tile/8/0/000": None,
    "tile/data/000": None,
    "tile/0/000\n": None,
    "tile/0/٠٠٠": None,
    "tile/0/../000": None,
    "tile/0/x999/x999/x999/x999/x999/999": None,
}


@pytest.mark.parametrize(("path", "tile"), PATHS.items())
def test_paths(path, tile):
    if path == "tile/63/000.p/255":
        # Allowed by the path grammar, though no log of up to 2^63 entries has it.
        assert Tile.parse(path) == Tile(63, 0, 255)
    elif tile is None:
        with pytest.raises(LedgerError) as caught:
            Tile.parse(path)
        assert caught.value.code == "tile_path"
    else:
        assert Tile.parse(path) == tile
        assert tile.path == path


@given(st.one_of(st.text(max_size=40), st.from_regex(r"tile/[0-9a-z-]{1,3}/[x0-9/]{0,30}(\.p/[0-9]{0,4})?")))
def test_any_path_is_one_tile_or_an_error(path):
    try:
        assert Tile.parse(path).path == path
    except LedgerError as error:
        assert error.code == "tile_path"


def test_a_log_of_70000_has_the_tiles_of_the_specification():
    tiles = list(new_tiles(0, SIZE))
    assert [t for t in tiles if t.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [len([t for t in tiles if t.level == n and t.width == 256]) for n in (0, 1, 2)] == [273, 1, 0]
    assert list(new_tiles(0, 256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(new_bundles(0, 513)) == [Tile(ENTRIES, 0), Tile(ENTRIES, 1), Tile(ENTRIES, 2, 1)]


@given(st.integers(0, 2**20), st.integers(0, 70_000))
def test_growth_creates_exactly_the_tiles_the_larger_log_has_and_the_smaller_had_not(old, added):
    new = old + added
    if new > 300_000:
        old, new = old // 16, old // 16 + added
    had, has = set(new_tiles(0, old)), set(new_tiles(0, new))
    assert list(new_tiles(old, new)) == sorted(has - had)
    assert all(old < tile.end <= new for tile in has - had)


def test_a_log_never_shrinks():
    with pytest.raises(LedgerError):
        list(new_tiles(6, 5))
    with pytest.raises(LedgerError):
        list(new_bundles(-1, 5))


@pytest.fixture(scope="module")
def tree():
    tree = MemoryTree()
    for index in range(SIZE):
        tree.append(leaf_hash(b"%d" % index))
    return tree


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_535, 65_536, 65_537, SIZE])
def test_proofs_from_tiles_equal_those_from_the_whole_tree(tree, size):
    stored = {tile: tile_data(tile, tree) for tile in new_tiles(0, size)}
    reader = TileReader(stored.__getitem__, size, keep=3)
    assert root(size, reader) == root(size, tree)
    for index in {0, size // 3, size - 1}:
        assert inclusion_proof(index, size, reader) == inclusion_proof(index, size, tree)
        assert consistency_proof(index, size, reader) == consistency_proof(index, size, tree)


def test_tiles_written_while_growing_equal_those_written_at_once(tree):
    stored = {}
    for old, new in ((0, 3), (3, 256), (256, 300), (300, 66_000), (66_000, SIZE)):
        stored |= {tile.path: tile_data(tile, tree) for tile in new_tiles(old, new)}
    for tile in new_tiles(0, SIZE):
        assert stored[tile.path] == tile_data(tile, tree)


@given(st.integers(-3, 70), st.integers(-3, 80_000))
def test_a_reader_gives_complete_nodes_only(level, index):
    reader = TileReader(lambda tile: bytes(32 * tile.width), 600)
    complete = level >= 0 and index >= 0 and (index + 1) << max(level, 0) <= 600
    try:
        assert len(reader(level, index)) == 32 and complete
    except LedgerError as error:
        assert error.code == "node_missing" and not complete


def test_a_tile_of_the_wrong_length_is_refused():
    with pytest.raises(LedgerError) as caught:
        TileReader(lambda tile: bytes(31), 600)(0, 0)
    assert caught.value.code == "tile_malformed"


def test_bundle_bytes_are_those_of_the_specification():
    assert encode_bundle([b"ab", b"", b"c" * 300]) == b"\x00\x02ab\x00\x00\x01\x2c" + b"c" * 300


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=256))
def test_bundles_read_back(entries):
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


@given(st.binary(max_size=300), st.integers(0, 256))
def test_hostile_bundles(data, width):
    try:
        entries = decode_bundle(data, width)
        assert len(entries) == width and (not width or encode_bundle(entries) == data)
    except LedgerError as error:
        assert error.code == "bundle_malformed"


def test_an_entry_too_long_for_its_length_field_is_refused():
    assert decode_bundle(encode_bundle([bytes(65_535)]), 1) == [bytes(65_535)]
    with pytest.raises(LedgerError, match="65536") as caught:
        encode_bundle([b"", bytes(65_536)])
    assert caught.value.code == "entry_too_large"


@pytest.mark.parametrize("count", [0, 257])
def test_a_bundle_has_1_to_256_entries(count):
    with pytest.raises(LedgerError) as caught:
        encode_bundle([b""] * count)
    assert caught.value.code == "bundle_width"
