"""The tree against the reference vectors of Certificate Transparency, all small sizes, and hostile proofs."""

from __future__ import annotations

import functools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.merkle import (
    EMPTY_ROOT,
    Frontier,
    MemoryTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves and the roots that every RFC 6962 implementation is tested with.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
N = 70


def tree_of(count: int) -> MemoryTree:
    tree = MemoryTree()
    for index in range(count):
        tree.append(leaf(index))
    return tree


@functools.cache
def leaf(index: int) -> bytes:
    return leaf_hash(b"%d" % index)


def reference_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word by word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(reference_root(leaves[:k]), reference_root(leaves[k:]))


TREE = tree_of(N)
ALL = [root(size, TREE) for size in range(N + 1)]


def test_reference_vectors():
    tree = MemoryTree()
    for data in LEAVES:
        tree.append(leaf_hash(bytes.fromhex(data)))
    assert [root(size, tree).hex() for size in range(9)] == ROOTS
    # Published audit path of leaf 0 and consistency 6 → 8 of the same tree.
    assert [h.hex() for h in inclusion_proof(0, 8, tree)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [h.hex() for h in consistency_proof(6, 8, tree)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_root_follows_the_definition():
    assert [reference_root([leaf(i) for i in range(size)]) for size in range(N + 1)] == ALL


def test_every_inclusion_proof_of_small_trees():
    for size in range(1, N):
        for index in range(size):
            proof = inclusion_proof(index, size, TREE)
            good = (leaf(index), index, size, proof, ALL[size])
            assert verify_inclusion(*good)
            assert not verify_inclusion(leaf(N), index, size, proof, ALL[size])
            assert not verify_inclusion(leaf(index), (index + 1) % size, size, proof, ALL[size]) or size == 1
            assert not verify_inclusion(leaf(index), index, size, proof, ALL[size + 1])
            assert not verify_inclusion(leaf(index), index, size, [*proof, leaf(0)], ALL[size])
            assert not verify_inclusion(leaf(index), index, size, proof[:-1], ALL[size]) or not proof
            assert not verify_inclusion(leaf(index), size, size, proof, ALL[size])


def test_a_proof_holds_for_one_size_only():
    """Root and proof of a small tree do not pass for a larger one, nor an inner node for a leaf's tree."""
    assert not verify_inclusion(leaf(0), 0, 2, [], leaf(0))
    assert not verify_consistency(1, 2, [], leaf(0), leaf(0))
    for size in (1, 2, 4, 8, 16, 32):
        proof = inclusion_proof(0, size, TREE)
        assert not any(verify_inclusion(leaf(0), 0, other, proof, ALL[size]) for other in range(2 * size, N))
        assert not verify_inclusion(TREE(1, 0), 0, size, proof[1:], ALL[size])


def test_every_consistency_proof_of_small_trees():
    for new in range(N):
        for old in range(new + 1):
            proof = consistency_proof(old, new, TREE)
            assert verify_consistency(old, new, proof, ALL[old], ALL[new])
            assert not verify_consistency(old, new, [*proof, leaf(0)], ALL[old], ALL[new])
            assert not verify_consistency(old, new, proof, leaf(N), ALL[new])
            if 0 < old < new:
                assert not verify_consistency(old, new, proof, ALL[old], leaf(N))
                assert not verify_consistency(old, new, proof[:-1], ALL[old], ALL[new])
                assert not verify_consistency(old, new, proof, ALL[old - 1], ALL[new])
                assert not verify_consistency(new, old, proof, ALL[new], ALL[old])


@given(st.data())
def test_any_changed_bit_of_a_proof_is_refused(data):
    size = data.draw(st.integers(2, N))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size - 1))
    for proof, holds in (
        (inclusion_proof(index, size, TREE), lambda p: verify_inclusion(leaf(index), index, size, p, ALL[size])),
        (consistency_proof(old, size, TREE), lambda p: verify_consistency(old, size, p, ALL[old], ALL[size])),
    ):
        whole = bytearray(b"".join(proof))
        bit = data.draw(st.integers(0, 8 * len(whole) - 1))
        whole[bit // 8] ^= 1 << bit % 8
        assert holds(proof)
        assert not holds([bytes(whole[at : at + 32]) for at in range(0, len(whole), 32)])


@given(
    st.binary(max_size=40),
    st.integers(-5, 2**64),
    st.integers(-5, 2**64),
    st.lists(st.binary(max_size=33), max_size=70),
)
def test_verifiers_answer_hostile_input_without_an_exception(value, one, two, proof):
    assert not verify_inclusion(value, one, two, proof, leaf(0))
    assert not verify_consistency(one, two, proof, leaf(1), value)


def test_frontier_grows_like_the_tree_and_survives_storage():
    frontier = Frontier()
    for size in range(N + 1):
        assert frontier.root() == ALL[size]
        assert Frontier.decode(frontier.encode()) == frontier == Frontier.at(size, TREE)
        if size < N:
            for level, index, value in frontier.append(leaf(size)):
                assert TREE(level, index) == value


@given(st.binary(max_size=200))
def test_frontier_decode_knows_only_its_own_error(data):
    try:
        assert Frontier.decode(data).encode() == data
    except LedgerError as error:
        assert error.code == "frontier_malformed"


@pytest.mark.parametrize("ask", [lambda: inclusion_proof(5, 5, TREE), lambda: inclusion_proof(-1, 5, TREE)])
def test_a_leaf_outside_the_tree_has_no_proof(ask):
    with pytest.raises(LedgerError, match="不在"):
        ask()


def test_an_older_log_cannot_be_larger():
    with pytest.raises(LedgerError):
        consistency_proof(6, 5, TREE)


def test_what_the_log_does_not_hold_is_missing_not_guessed():
    with pytest.raises(LedgerError) as caught:
        root(N + 1, TREE)
    assert caught.value.code == "node_missing"


def test_speeds(capsys):
    count, asked = 20_000, 2_000
    started = time.perf_counter()
    tree = tree_of(count)
    appended = time.perf_counter()
    proofs = [inclusion_proof(i * 7 % count, count, tree) for i in range(asked)]
    made = time.perf_counter()
    top = root(count, tree)
    assert all(verify_inclusion(leaf(i * 7 % count), i * 7 % count, count, p, top) for i, p in enumerate(proofs))
    verified = time.perf_counter()
    with capsys.disabled():
        print(
            f"\n  merkle: append {count / (appended - started):,.0f}/s, proofs made {asked / (made - appended):,.0f}/s,"
            f" verified {asked / (verified - made):,.0f}/s"
        )
