"""What a campaign has played so far, so that a long one goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import kalshi_alpha
from kalshi_alpha.errors import DataError
from kalshi_alpha.rehearsal.campaign.outcome import Outcome

NAME = "progress.jsonl"


class Kept:
    """Outcomes in a file, each written when its window has been played.

    Its first line says which campaign on which code they are of: others are not mixed in.
    """

    def __init__(self, folder: Path, campaign: str) -> None:
        self._file, self._head = folder / NAME, f"{campaign} on {_source()}"

    def read(self) -> list[Outcome]:
        """Return what was played before; nothing of another campaign or other code.

        Raises:
            DataError: when a whole line cannot be read.
        """
        if not self._file.is_file():
            return []
        head, *lines = self._file.read_text(encoding="utf-8").split("\n")
        if head != self._head:
            return []
        found = {}
        for number, line in enumerate(lines[:-1], start=2):  # what follows the last end is torn
            try:
                outcome = Outcome.from_json(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise DataError(
                    f"{self._file}, line {number}, is no outcome ({error}); remove the file to "
                    "play the campaign from its start"
                ) from None
            found[outcome.number] = outcome
        return [found[number] for number in sorted(found)]

    def begin(self, outcomes: list[Outcome]) -> None:
        """Start the file anew with what is kept."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        lines = [self._head, *(json.dumps(o.to_json(), sort_keys=True) for o in outcomes)]
        self._file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def add(self, outcome: Outcome) -> None:
        """Write down one more window."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(outcome.to_json(), sort_keys=True) + "\n")


def _source() -> str:
    """Return a hash of the library's code."""
    digest, root = hashlib.sha256(), Path(kalshi_alpha.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
