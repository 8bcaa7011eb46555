"""Signed notes against the documented examples of Go's sumdb/note and of C2SP, and against hostile bytes."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.ledger.pure.cosignatures import Cosigner
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.keys import Algorithm, Ed25519Key
from dengji.ledger.pure.notes import (
    NoteSigner,
    Signature,
    VerifierKey,
    add_signatures,
    format_private,
    open_note,
    parse_private,
    sign_note,
    split_note,
    write_note,
)

# Keys, text and signatures that the documentation of golang.org/x/mod/sumdb/note gives as its examples.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
SIGNED = TEXT + b"\n" + PETER_LINE.encode()

peter, enoch = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)


def code(function, *arguments) -> str:
    with pytest.raises(LedgerError) as caught:
        function(*arguments)
    return caught.value.code


def test_the_documented_keys_sign_the_documented_notes():
    signer = parse_private(PETER_PRIVATE)
    zero = NoteSigner("EnochRoot", Ed25519Key(bytes(32)))
    assert (str(signer.key), str(zero.key)) == (PETER, ENOCH)
    assert sign_note(TEXT, signer) == SIGNED
    assert add_signatures(SIGNED, zero) == SIGNED + ENOCH_LINE.encode()
    assert format_private("PeterNeumann", signer.signer) == PETER_PRIVATE


def test_open_tells_known_from_unknown_keys():
    both = SIGNED + ENOCH_LINE.encode()
    note = open_note(both, [peter])
    assert note.text == TEXT
    assert [key for key, _ in note.verified] == [peter]
    assert [signature.line for signature in note.unknown] == [ENOCH_LINE]
    assert [key for key, _ in open_note(both, [enoch, peter, peter]).verified] == [peter, enoch]
    assert code(open_note, both, []) == "note_unsigned"
    assert open_note(SIGNED + PETER_LINE.encode() * 3, [peter]).verified == note.verified


def test_the_example_of_the_specification_is_well_formed():
    text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n"
    line = (
        "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj9"
        "9ihAQwaqP3ZekRwNtIc=\n"
    )
    body, signatures = split_note(f"{text}\n{line}".encode())
    assert body.decode() == text
    assert [s.line for s in signatures] == [line]
    assert signatures[0].key_id.hex() == "367ba04b"


MALFORMED = {
    "empty": b"",
    "text only": TEXT,
    "no signature": TEXT + b"\n",
    "last line cut": SIGNED[:-1],
    "control character": b"\x01" + SIGNED,
    "carriage return": SIGNED.replace(b"\n", b"\r\n"),
    "not UTF-8": b"\xff" + SIGNED,
    "surrogate": b"\xed\xa0\x80" + SIGNED,
    "space in name": TEXT + "\n— Bad Name x08go/ZJ\n".encode(),
    "wide space in name": TEXT + "\n— Bad\u3000Name x08go/ZJ\n".encode(),
    "plus in name": TEXT + "\n— Bad+Name x08go/ZJ\n".encode(),
    "no name": TEXT + "\n—  x08go/ZJ\n".encode(),
    "line between": SIGNED + b"Unexpected line.\n",
    "hyphen for dash": SIGNED.replace("—".encode(), b"-"),
    "nothing after the key id": TEXT + "\n— PeterNeumann x08gow==\n".encode(),
    "second spelling of base64": SIGNED.replace(b"JnAM=", b"JnAN="),
    "unpadded base64": SIGNED.replace(b"JnAM=", b"JnAM"),
    "too many signatures": SIGNED + PETER_LINE.encode() * 100,
    "too long": b"a" * 1_000_000 + SIGNED,
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_notes(message):
    assert code(open_note, message, [peter]) == "note_malformed"


def test_one_hundred_signatures_are_read():
    assert len(open_note(TEXT + b"\n" + PETER_LINE.encode() * 100, [peter]).verified) == 1


def test_a_trusted_key_that_fails_spoils_the_note_whoever_else_signed():
    forged = SIGNED.replace(b"cryptography", b"Cryptography")
    assert code(open_note, forged, [peter]) == "signature_invalid"
    good_for_enoch = sign_note(TEXT, NoteSigner("EnochRoot", Ed25519Key(bytes(32))))
    forged_line = Signature("PeterNeumann", peter.key_id, bytes(64))
    assert code(open_note, add_signatures(good_for_enoch, forged_line), [enoch, peter]) == "signature_invalid"
    assert open_note(add_signatures(good_for_enoch, forged_line), [enoch]).unknown == (forged_line,)


@given(st.integers(0, 8 * len(SIGNED) - 1))
def test_any_changed_bit_is_refused(bit):
    changed = bytearray(SIGNED)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LedgerError):
        open_note(bytes(changed), [peter])


@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_open_knows_only_its_own_error(message):
    for tail in (b"", b"\n\n" + PETER_LINE.encode()):
        with pytest.raises(LedgerError):
            open_note(message + tail, [peter])


@pytest.mark.parametrize("text", [b"", b"no newline", b"bell\x07\n", b"\xff\n"])
def test_what_cannot_be_a_note_is_not_signed(text):
    assert code(sign_note, text, parse_private(PETER_PRIVATE)) == "note_malformed"


def test_signatures_cannot_be_smuggled_in_with_the_text():
    line = Signature.parse(PETER_LINE.rstrip())
    # A whole note may be the text of another; its signature lines are then text.
    assert split_note(write_note(SIGNED, [line])) == (SIGNED, (line,))
    assert code(write_note, SIGNED.removesuffix(b"\n"), [line]) == "note_malformed"
    assert code(write_note, TEXT, []) == "note_malformed"


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=60))
def test_every_line_of_text_can_be_signed_and_opened(line):
    text = f"{line}\n\n{line}\n".encode()
    assert open_note(sign_note(text, parse_private(PETER_PRIVATE)), [peter]).text == text


def test_no_part_of_a_verifier_key_passes_for_one():
    parts = {PETER[i:j] for i in range(len(PETER)) for j in range(i + 1, len(PETER) + 1)} - {PETER}
    changed = {PETER[:i] + chr(ord(c) + 1) + PETER[i + 1 :] for i, c in enumerate(PETER)}
    for vkey in parts | changed:
        assert code(VerifierKey.parse, vkey) in ("key_malformed", "key_unknown")


def _vkey(name: str, data: bytes) -> str:
    key_id = hashlib.sha256(name.encode() + b"\n" + data).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x01" + bytes(33), "key_malformed"),
        (b"\x01" + bytes(31), "key_malformed"),
        (b"\x02" + bytes(32), "key_unknown"),
        (b"\x06" + bytes(1312), "key_unknown"),
        (b"\xff" + bytes(65), "key_unknown"),
        (b"", "key_malformed"),
    ],
)
def test_verifier_keys_with_a_true_id_and_a_false_key(data, expected):
    assert code(VerifierKey.parse, _vkey("a.example", data)) == expected


@given(st.text(max_size=120))
def test_key_parsers_know_only_their_own_error(text):
    for parse in (VerifierKey.parse, parse_private, Signature.parse):
        for value in (text, f"PRIVATE+KEY+{text}", f"— {text}"):
            with pytest.raises(LedgerError) as caught:
                parse(value)
            assert len(text) < 20 or text not in str(caught.value)


def test_two_keys_of_one_name_and_id_are_not_guessed_between(monkeypatch):
    other = VerifierKey("PeterNeumann", Algorithm.ED25519, bytes(32))
    other.__dict__["key_id"] = peter.key_id
    assert code(open_note, SIGNED, [peter, other]) == "key_ambiguous"


def test_the_key_id_separates_the_kinds_of_one_key():
    key = Ed25519Key(bytes(32))
    kinds = [NoteSigner("EnochRoot", key), NoteSigner("EnochRoot", Cosigner(key, 1))]
    assert len({one.key.key_id for one in kinds}) == 2
    note = open_note(sign_note(TEXT, *kinds), [one.key for one in kinds])
    assert [k.algorithm for k, _ in note.verified] == [Algorithm.ED25519, Algorithm.COSIGNATURE]


def test_any_signer_can_take_the_place_of_ours():
    class Device:
        """Stands for an HSM: nobody outside sees the private key."""

        algorithm = Algorithm.ED25519

        def __init__(self) -> None:
            self._inside = Ed25519Key(bytes(range(32)))
            self.public = self._inside.public

        def sign(self, message: bytes) -> bytes:
            return self._inside.sign(message)

    signer = NoteSigner("hsm.example", Device())
    assert open_note(sign_note(TEXT, signer), [signer.key]).text == TEXT


def test_private_keys_are_refused_and_never_shown():
    assert code(Ed25519Key, bytes(31)) == "key_malformed"
    assert code(parse_private, PETER) == "key_malformed"
    assert code(parse_private, PETER_PRIVATE.replace("c74f20a3", "c74f20a4")) == "key_malformed"
    assert (
        code(parse_private, "PRIVATE+KEY+a+00000000+" + base64.b64encode(b"\x04" + bytes(32)).decode()) == "key_unknown"
    )
    key = Ed25519Key.generate()
    assert key.private.hex() not in repr(key) and key.public != Ed25519Key.generate().public
