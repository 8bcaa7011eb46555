"""Checkpoints and cosignatures against C2SP's examples, under tampering and hostile bytes, and the rule of growth."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.ledger.pure.checkpoints import Checkpoint, open_checkpoint, require_extension, sign_checkpoint
from dengji.ledger.pure.cosignatures import MAX_TIME, Cosigner, cosigned_at, verify_cosignature
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.keys import Algorithm, Ed25519Key, verify_ed25519
from dengji.ledger.pure.merkle import EMPTY_ROOT, consistency_proof
from dengji.ledger.pure.notes import NoteSigner, add_signatures, open_note, split_note

EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
LOG_LINE = (
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+x"
    "eMcTOAYQ8=\n"
)
WITNESS_LINE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe"
    "+mbIUBkBIfZ+qnA==\n"
)
KEY = Ed25519Key(bytes(range(32)))


def test_the_examples_of_the_specifications():
    checkpoint = Checkpoint.parse(EXAMPLE.encode())
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text.decode() == EXAMPLE
    _, (log, witness) = split_note(f"{EXAMPLE}\n{LOG_LINE}{WITNESS_LINE}".encode())
    assert (log.line, witness.line) == (LOG_LINE, WITNESS_LINE)
    assert (cosigned_at(log.value), cosigned_at(witness.value)) == (None, 1_679_315_147)


def test_the_cosigned_message_is_that_of_the_specification():
    signature = Cosigner(KEY, 1_679_315_147).sign(EXAMPLE.encode())
    assert signature[:8] == (1_679_315_147).to_bytes(8, "big")
    assert verify_ed25519(KEY.public, b"cosignature/v1\ntime 1679315147\n" + EXAMPLE.encode(), signature[8:])
    assert verify_cosignature(KEY.public, EXAMPLE.encode(), signature)
    assert not verify_cosignature(KEY.public, EXAMPLE.encode() + b"more\n", signature)


@given(st.integers(0, 8 * 72 - 1))
def test_any_changed_bit_of_a_cosignature_is_refused(bit):
    changed = bytearray(Cosigner(KEY, 5).sign(EXAMPLE.encode()))
    changed[bit // 8] ^= 1 << bit % 8
    assert not verify_cosignature(KEY.public, EXAMPLE.encode(), bytes(changed))


@given(st.binary(max_size=80), st.binary(max_size=40))
def test_hostile_cosignatures_are_false(signature, public):
    assert not verify_cosignature(KEY.public, EXAMPLE.encode(), signature)
    assert not verify_cosignature(public, EXAMPLE.encode(), bytes(72))


def test_a_cosigner_needs_an_ed25519_key_and_a_time():
    for signer, at in ((Cosigner(KEY, 1), 1), (KEY, -1), (KEY, MAX_TIME + 1)):
        with pytest.raises(LedgerError) as caught:
            Cosigner(signer, at)
        assert caught.value.code == "cosigner_malformed"


def test_the_newest_of_several_cosignatures_counts():
    witness = [NoteSigner("w.example", Cosigner(KEY, at)) for at in (7, 90, 30)]
    log = NoteSigner("log.example", Ed25519Key(bytes(32)))
    message = add_signatures(sign_checkpoint(Checkpoint.parse(EXAMPLE.encode()), log), *witness)
    note = open_note(message, [witness[0].key, log.key])
    assert len(note.verified) == 4
    assert note.cosigned_at(witness[0].key) == 90
    assert note.cosigned_at(log.key) is None


def test_extension_lines_are_kept_and_signed():
    text = EXAMPLE + "a b\n扩展\n"
    checkpoint = Checkpoint.parse(text.encode())
    assert checkpoint.extensions == ("a b", "扩展")
    assert checkpoint.text.decode() == text


ROOT = base64.b64encode(EMPTY_ROOT).decode()
MALFORMED = [
    "",
    "\n",
    "log\n1\n",
    f"log\n1\n{ROOT}",
    f"\n1\n{ROOT}\n",
    f"log\n\n{ROOT}\n",
    f"log\n01\n{ROOT}\n",
    f"log\n+1\n{ROOT}\n",
    f"log\n-1\n{ROOT}\n",
    f"log\n1_0\n{ROOT}\n",
    f"log\n１\n{ROOT}\n",
    f"log\n1 \n{ROOT}\n",
    f"log\n{2**63}\n{ROOT}\n",
    f"log\n{10**30}\n{ROOT}\n",
    f"log\n1\n{ROOT[:-1]}\n",
    f"log\n1\n{ROOT[:-2]}V=\n",
    f"log\n1\n{ROOT}=\n",
    "log\n1\nAAAA\n",
    f"log\n1\n{ROOT}\n\n",
    f"log\n1\n{ROOT}\n\nextension\n",
    f"log\r\n1\r\n{ROOT}\r\n",
    f"cosignature/v1\n1\n{ROOT}\n",
    f"log\n0\n{base64.b64encode(bytes(32)).decode()}\n",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_checkpoints(text):
    with pytest.raises(LedgerError) as caught:
        Checkpoint.parse(text.encode())
    assert caught.value.code == "checkpoint_malformed"


@given(
    st.one_of(
        st.binary(max_size=150),
        st.tuples(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8)).map(
            lambda t: f"{t[0]}\n{t[1]}\n{ROOT}\n{t[2]}".encode("utf-8", "surrogatepass")
        ),
    )
)
def test_a_parsed_checkpoint_writes_back_the_same_bytes(text):
    try:
        assert Checkpoint.parse(text).text == text
    except LedgerError as error:
        assert error.code == "checkpoint_malformed"


def test_an_empty_log_has_a_checkpoint():
    assert Checkpoint.parse(Checkpoint("log", 0, EMPTY_ROOT).text).size == 0


def test_an_origin_that_has_no_bytes_is_refused():
    with pytest.raises(LedgerError):
        _ = Checkpoint("\ud800", 0, EMPTY_ROOT).text


def test_any_changed_bit_of_a_signed_checkpoint_is_refused(world):
    signed = sign_checkpoint(world.checkpoint, world.log)
    assert open_checkpoint(signed, world.trust.keys)[0] == world.checkpoint
    for bit in range(8 * len(signed)):
        changed = bytearray(signed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LedgerError):
            open_checkpoint(bytes(changed), world.trust.keys)


def test_a_log_signs_only_what_extends_its_last_checkpoint(world):
    old, new = world.at(7), world.checkpoint
    proof = consistency_proof(7, 12, world.tree)
    require_extension(old, new, proof)
    require_extension(new, new, [])
    require_extension(Checkpoint(old.origin, 0, EMPTY_ROOT), new, [])
    refused = {
        "smaller": (new, old, proof),
        "forked": (old, dataclasses.replace(new, root=bytes(32)), proof),
        "same size, other root": (new, dataclasses.replace(new, root=bytes(32)), []),
        "no proof": (old, new, []),
    }
    for case in refused.values():
        with pytest.raises(LedgerError) as caught:
            require_extension(*case)
        assert caught.value.code == "not_an_extension"
    with pytest.raises(LedgerError) as caught:
        require_extension(old, dataclasses.replace(new, origin="other"), proof)
    assert caught.value.code == "wrong_log"


def test_kinds_of_signature_do_not_pass_for_each_other(world):
    """The same key as log and as cosigner: neither signature verifies as the other."""
    plain, timed = NoteSigner("one", KEY), NoteSigner("one", Cosigner(KEY, 9))
    signed = sign_checkpoint(world.checkpoint, plain, timed)
    note = open_note(signed, [plain.key, timed.key])
    values = {key.algorithm: signature.value for key, signature in note.verified}
    assert not plain.key.verify(note.text, values[Algorithm.COSIGNATURE][8:])
    assert not timed.key.verify(note.text, values[Algorithm.COSIGNATURE][:8] + values[Algorithm.ED25519])
