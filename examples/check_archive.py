"""Check an archive package (归档包) with nothing but Python's standard library: python check_archive.py PACKAGE.zip

Every file is as listed, the decisions follow each other without a gap, each receipt's entry stands in the log under its
checkpoint (RFC 6962). Who signed the checkpoint is not checked: use dengji-verify."""

import base64
import hashlib
import itertools
import json
import sys
import zipfile


def node(left, right):
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf, index, size, proof):
    """The root that an audit path leads to (RFC 9162, 2.1.3.2); None where the path does not fit the place."""
    place, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node(step, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node(found, step)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def canonical(value):
    """Canonical JSON; entries hold only text, integers, lists and objects with ASCII names."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def check_receipt(data, decision):
    """Complaints about one receipt: of its place in the log, and whether it is that of the decision."""
    receipt = json.loads(data)
    entry = receipt["entry"]
    lines = receipt["checkpoint"].split("\n")
    leaf = hashlib.sha256(b"\x00" + canonical(entry)).digest()
    proof = [base64.b64decode(one) for one in receipt["proof"]]
    size, index = int(lines[1]), receipt["index"]
    if not 0 <= index < size or root_of(leaf, index, size, proof) != base64.b64decode(lines[2]):
        yield "its entry is not in the log under its checkpoint"
    same = (entry["n"], entry["act"]) == (decision["n"], decision["act"])
    if lines[0] != entry["log"] or not same or not entry["object"].endswith("/" + decision["object"]):
        yield "it belongs to another log, case or decision"


def check(path):
    """Complaints about a package, one sentence each; none where all is well."""
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
        files = {name: package.read(name) for name in names}
    listed = json.loads(files.get("files.json", b"{}"))
    for name in sorted(set(names) - {"files.json"} - set(listed)):
        yield f"{name}: not in the list of files"
    if len(names) != len(files):
        yield "a name occurs twice"
    for name, said in sorted(listed.items()):
        if name not in files:
            yield f"{name}: missing"
        elif hashlib.sha256(files[name]).hexdigest() != said["sha256"] or len(files[name]) != said["size"]:
            yield f"{name}: changed"
    for folder in {""} | {name[: -len("decisions.json")] for name in names if name.endswith("/decisions.json")}:
        yield from check_decisions(files, folder)


def check_decisions(files, folder):
    """Complaints about the decisions of the case, or of an objection in a folder of its own."""
    decisions = json.loads(files.get(f"{folder}decisions.json", b"[]"))
    if not decisions or [one["n"] for one in decisions] != list(range(1, len(decisions) + 1)):
        yield f"{folder}decisions.json: decisions are missing or out of order"
    for before, after in itertools.pairwise(decisions):
        if before["to_state"] != after["from_state"]:
            yield f"{folder}decisions.json: decision {after['n']} does not follow from the one before"
    for one in decisions:
        name = f"{folder}receipts/{one['n']:04d}.json"
        for complaint in check_receipt(files[name], one) if name in files else ["missing"]:
            yield f"{name}: {complaint}"


def main():
    """Check the package named on the command line; exit status 1 where something is wrong."""
    try:
        wrong = list(check(sys.argv[1]))
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        wrong = [f"not a readable archive package: {error!r}"]
    print("\n".join(wrong) or "OK")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
