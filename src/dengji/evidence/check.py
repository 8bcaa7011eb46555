"""Checking a deposit: what has changed since, and whether the manifest is the one that was deposited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dengji.core.errors import N_

from . import manifest
from .errors import NO, WRONG_USE, refuse
from .hashing import Digests, Plan, Progress, settle
from .manifest import Line, Manifest
from .walk import Found, Source, Walk, walk


@dataclass
class Report:
    """What has become of the files of a deposit, by their names in the manifest."""

    manifest: Manifest
    unchanged: int = 0
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether nothing at all differs."""
        return not (self.added or self.removed or self.changed or self.renamed)


def _places(found: Manifest, paths: Sequence[Path], inside: Path | None) -> list[Source]:
    names: list[dict[str, Any]] = found.head["sources"]
    if paths:
        if len(paths) != len(names):
            text = N_("清单包含 {count} 项（{names}），请按同样的顺序逐一给出，或用 --in 指明它们所在的文件夹")
            shown = "、".join(one["name"] for one in names[:5])
            raise refuse("evidence_sources", text, status=WRONG_USE, count=len(names), names=shown)
        return [Source(one["name"], path) for one, path in zip(names, paths, strict=True)]
    if inside:
        return [Source(one["name"], inside / one["name"]) for one in names]
    home = found.path.absolute().parent
    return [Source(one["name"], home / one.get("path", one["name"])) for one in names]


def _there(places: Sequence[Source]) -> None:
    """All sources gone at once means that they were looked for in the wrong place, not that all was deleted."""
    if places and not any(one.path.exists() or one.path.is_symlink() for one in places):
        text = N_("找不到清单中的文件：{path} 不存在；请在清单之后写明它们现在的位置")
        raise refuse("evidence_not_there", text, status=WRONG_USE, path=str(places[0].path))


def _deposited(found: Manifest, digest: str) -> None:
    if digest and digest.lower() not in {one["evidence_digest"] for one in found.deposits}:
        text = N_("清单的存证摘要与登记的不同：这不是当时存证的清单")
        raise refuse("manifest_other_deposit", text, status=NO)


def _to_hash(walked: Walk, lines: dict[str, Line]) -> Iterator[Found]:
    """Files that may be as deposited, under their name or another; of all others the size has told enough."""
    names = {one.name for one in walked.files}
    lost = {line.size for line in lines.values() if line.name not in names}
    for one in walked.files:
        known = lines.get(one.name)
        if known.size == one.size if known else one.size in lost:
            yield one


def _compare(report: Report, walked: Walk, known: Digests, plan: Plan) -> None:
    lines, lost = report.manifest.lines, defaultdict(list)
    names = {one.name for one in walked.files}
    for line in lines.values():
        if line.name not in names:
            lost[line.size, line.digests].append(line.name)
    for one in walked.files:
        before, digests = lines.get(one.name), tuple(known.of(one, plan))
        if before:
            if (before.size, before.digests) == (one.size, digests):
                report.unchanged += 1
            else:
                report.changed.append(one.name)
        elif one.size and (same := lost.get((one.size, digests))):
            report.renamed.append((same.pop(0), one.name))
        else:
            report.added.append(one.name)
    report.removed = sorted((name for names_ in lost.values() for name in names_), key=str.encode)


def check(
    path: Path,
    paths: Sequence[Path] = (),
    *,
    inside: Path | None = None,
    digest: str = "",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare files with the manifest at `path` and return what differs.

    The files are looked for at `paths` (in the order of the manifest's sources), else by name in the folder `inside`,
    else where they lay seen from the manifest. Raises EvidenceError where the manifest does not give its own roots, or
    not the deposited `digest` (64 hexadecimal digits), where nothing is found, and for files that cannot be read.
    """
    found = manifest.load(path)
    _deposited(found, digest)
    places = _places(found, paths, inside)
    _there(places)
    plan = replace(found.plan, workers=workers) if workers else found.plan
    known = Digests()
    walked = settle(
        lambda: walk(places, absent=True), lambda w: _to_hash(w, found.lines), plan, known, progress=progress
    )
    report = Report(found, links=walked.links)
    _compare(report, walked, known, plan)
    return report
