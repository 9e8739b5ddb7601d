"""Coverage-guided fuzzing of the same targets, where atheris is installed: it is no dependency.

    python -m tests.fuzz.guided venue-orders -max_total_time=60

The first word names a target; what follows goes to libFuzzer. The corpus of the tests is where it
starts from, and nothing is written into the checkout.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

Check = Callable[[bytes], None]


def targets() -> dict[str, tuple[list[bytes], Check]]:
    """Return every target by name, with the good documents it starts from."""
    from tests.fuzz import (
        feed_targets,
        file_targets,
        handler_targets,
        recorded_targets,
        venue_targets,
    )
    from tests.fuzz.mutating import corpus, written

    found: dict[str, tuple[list[bytes], Check]] = {}
    for room, listed in (
        ("venue", venue_targets.TARGETS),
        ("feed", feed_targets.TARGETS),
        ("handler", handler_targets.TARGETS),
        ("recorded", recorded_targets.TARGETS),
    ):
        for name, (file, check) in listed.items():
            found[f"{room}-{name}"] = ([written(document) for document in corpus(file)], check)
    for name, (good, check) in (*file_targets.TARGETS.items(), *recorded_targets.FILES.items()):
        found[f"file-{name}"] = ([good()], check)
    return found


def main(arguments: list[str]) -> None:
    """Fuzz one target until it fails or its time is up."""
    import atheris

    with atheris.instrument_imports(include=["kalshi_alpha"]):  # ours alone leads the way
        known = targets()
    if not arguments or arguments[0] not in known:
        raise SystemExit(f"name one of: {', '.join(known)}")
    seeds, check = known[arguments[0]]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        atheris.Setup([sys.argv[0], *arguments[1:], folder], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
