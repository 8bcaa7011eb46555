"""SM2 with SM3 against the example of GB/T 32918.5, beside Ed25519 in one note, and where OpenSSL cannot do it."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.ledger.pure import sm2
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.keys import Algorithm, Ed25519Key
from dengji.ledger.pure.notes import NoteSigner, VerifierKey, format_private, open_note, parse_private, sign_note

needs_sm2 = pytest.mark.skipif(not sm2.available(), reason="libcrypto of this machine has no SM2")

# GB/T 32918.5 appendix: signature over the recommended curve, user id 1234567812345678.
PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
PUBLIC = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)


@needs_sm2
def test_the_example_of_the_standard():
    key = sm2.Sm2Key(PRIVATE)
    assert key.public == PUBLIC
    assert sm2.verify_sm2(PUBLIC, b"message digest", SIGNATURE)
    assert not sm2.verify_sm2(PUBLIC, b"message digesT", SIGNATURE)
    assert PRIVATE.hex() not in repr(key)


@needs_sm2
@given(st.integers(0, 511))
def test_any_changed_bit_of_a_signature_is_refused(bit):
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << bit % 8
    assert not sm2.verify_sm2(PUBLIC, b"message digest", bytes(changed))


@needs_sm2
@given(st.binary(max_size=70), st.binary(max_size=70), st.binary(max_size=70))
def test_hostile_keys_and_signatures_are_false_not_fatal(public, message, signature):
    assert not sm2.verify_sm2(public, message, signature)
    assert not sm2.verify_sm2(PUBLIC, message, signature[:64].ljust(64, b"\0"))
    assert not sm2.verify_sm2(b"\x04" + public.ljust(64, b"\1")[:64], message, SIGNATURE)


@needs_sm2
def test_a_note_with_both_kinds_of_signature():
    keys = [NoteSigner("log.example", Ed25519Key.generate()), NoteSigner("log.example", sm2.Sm2Key.generate())]
    message = sign_note("登记\n".encode(), *keys)
    note = open_note(message, [one.key for one in keys])
    assert [key.algorithm for key, _ in note.verified] == [Algorithm.ED25519, Algorithm.SM2]
    # Who knows only Ed25519 reads on, as the specification demands of unknown signatures.
    assert len(open_note(message, [keys[0].key]).unknown) == 1
    assert VerifierKey.parse(str(keys[1].key)) == keys[1].key
    assert parse_private(format_private("log.example", keys[1].signer)).key == keys[1].key


@needs_sm2
@pytest.mark.parametrize("private", [b"", bytes(31), bytes(32), b"\xff" * 32])
def test_impossible_private_keys(private):
    with pytest.raises(LedgerError) as caught:
        sm2.Sm2Key(private)
    assert caught.value.code == "key_malformed"


@pytest.mark.parametrize("library", [None, "libc.so.6", "no-such-library.so"])
def test_a_machine_without_sm2_says_so(monkeypatch, library):
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: library)
    sm2._libcrypto.cache_clear()
    sm2.available.cache_clear()
    try:
        assert not sm2.available()
        for use in (lambda: sm2.Sm2Key(PRIVATE), lambda: sm2.verify_sm2(PUBLIC, b"", SIGNATURE)):
            with pytest.raises(LedgerError, match="libcrypto") as caught:
                use()
            assert caught.value.code == "sm2_unavailable"
    finally:
        sm2._libcrypto.cache_clear()
        sm2.available.cache_clear()


def test_importing_the_pure_half_loads_neither_libcrypto_by_name_nor_django():
    code = (
        "import ctypes.util, sys\n"
        "ctypes.util.find_library = None\n"
        "import dengji.ledger.pure.receipts\n"
        "sys.exit(any(m.split('.')[0] in ('django', 'psycopg', 'ninja') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
