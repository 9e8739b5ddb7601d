"""Where a sweep lies among the artifacts: a folder here, a bucket on AWS.

::

    sweeps/inputs/<sha256>/<name>       files that were given, byte for byte
    sweeps/<sweep>/manifest.json        the sweep made ready
    sweeps/<sweep>/units/<unit>.json    what each unit did: written once, whole
    sweeps/<sweep>/result/              sweep.json, sweep.parquet and the page
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import ConfigurationError, DataError, InvariantBroken
from kalshi_alpha.research.data.store import sha256_of, write_atomically
from kalshi_alpha.research.sweep.file import ROLES, Recorded, Role, Sweep
from kalshi_alpha.research.sweep.manifest import Input, Manifest, Played

ARTIFACTS = "artifacts:"
READERS = 10  # objects read at once, as many as a client keeps connections

_ROOT = "sweeps"
_TOGETHER = 500  # units in memory at once while they are united
_FEWEST_LETTERS = 6  # of an id that is given short


class Shelf:
    """The sweeps of one artifact store."""

    def __init__(self, store: ArtifactStore) -> None:
        self.store = store

    def prepare(self, sweep: Sweep, cache: Path) -> tuple[list[Played], dict[str, Path]]:
        """Return the series with their files hashed, and each file on this machine by its hash.

        Files named ``artifacts:<prefix>`` are fetched into ``cache``.

        Raises:
            ConfigurationError: when a file, or any artifact of a prefix, is not there.
        """
        at_hand: dict[str, Path] = {}
        series = []
        for one in sweep.series:
            inputs = [
                found
                for role in ROLES
                for place in one.places[role]
                for found in self._inputs(one, role, place, sweep.home, cache, at_hand)
            ]
            series.append(Played(one.ticker, tuple(inputs)))
        return series, at_hand

    def _inputs(
        self,
        series: Recorded,
        role: Role,
        place: str,
        home: Path,
        cache: Path,
        at_hand: dict[str, Path],
    ) -> Iterable[Input]:
        if not place.startswith(ARTIFACTS):
            file = home / place
            if not file.is_file():
                raise ConfigurationError(f"{role} of {series.ticker}: there is no file {file}")
            sha256 = sha256_of(file)
            at_hand[sha256] = file
            yield Input(role, file.name, sha256, f"{_ROOT}/inputs/{sha256}/{file.name}")
            return
        keys = self.store.keys(place.removeprefix(ARTIFACTS))
        if not keys:
            raise ConfigurationError(f"{role} of {series.ticker}: there is no artifact {place}")
        for key in keys:
            data = self.store.read(key)
            sha256 = hashlib.sha256(data).hexdigest()
            name = Path(key).name
            at_hand[sha256] = _kept(cache, sha256, name, data)
            yield Input(role, name, sha256, key)

    def publish(self, manifest: Manifest, at_hand: Mapping[str, Path]) -> int:
        """Write the manifest and the files that are not there yet; return how many went up."""
        there = set(self.store.keys(f"{_ROOT}/inputs/"))
        sent = 0
        for one in {each.key: each for s in manifest.series for each in s.inputs}.values():
            if one.key.startswith(f"{_ROOT}/inputs/") and one.key not in there:
                self.store.write(one.key, at_hand[one.sha256].read_bytes())
                sent += 1
        self.keep(manifest)
        return sent

    def keep(self, manifest: Manifest) -> None:
        """Write the manifest, unless the very same is there."""
        key, data = f"{_ROOT}/{manifest.sweep_id}/manifest.json", manifest.as_bytes()
        if key not in self.store.keys(key):
            self.store.write(key, data)

    def fetch(self, manifest: Manifest, cache: Path, series: Collection[int]) -> dict[str, Path]:
        """Bring the files of some series of a sweep to this machine; return each by its hash.

        Raises:
            DataError: for a file that is not there, or of other bytes than the sweep was made of.
        """
        at_hand: dict[str, Path] = {}
        for one in (each for s in sorted(series) for each in manifest.series[s].inputs):
            if one.sha256 in at_hand:
                continue
            data = self.store.read(one.key)
            if hashlib.sha256(data).hexdigest() != one.sha256:
                raise DataError(
                    f"the artifact {one.key} is not what the sweep was made of: prepare it again"
                )
            at_hand[one.sha256] = _kept(cache, one.sha256, one.name, data)
        return at_hand

    def find(self, said: str) -> Manifest:
        """Return a sweep by its id, or by the beginning of it.

        Raises:
            ConfigurationError: when there is none, or more than one.
        """
        found = [one for one in self.ids() if len(said) >= _FEWEST_LETTERS and one.startswith(said)]
        if len(found) != 1:
            raise ConfigurationError(
                f"{len(found)} sweeps here begin with {said!r}: give a file, or enough of an id of "
                "those that `kalshi-alpha sweep show` lists"
            )
        return self.manifest(found[0])

    def manifest(self, sweep_id: str) -> Manifest:
        """Return the manifest of a sweep."""
        return Manifest.from_bytes(self.store.read(f"{_ROOT}/{sweep_id}/manifest.json"))

    def ids(self) -> list[str]:
        """Return the ids of all sweeps here."""
        parts = [key.split("/") for key in self.store.keys(f"{_ROOT}/")]
        return [p[1] for p in parts if len(p) == 3 and p[2] == "manifest.json"]

    def done(self, sweep_id: str) -> set[str]:
        """Return the units that are kept."""
        prefix = f"{_ROOT}/{sweep_id}/units/"
        return {
            key.removeprefix(prefix).removesuffix(".json")
            for key in self.store.keys(prefix)
            if key.endswith(".json")
        }

    def write_unit(self, sweep_id: str, unit: str, data: bytes) -> None:
        """Keep what a unit did."""
        self.store.write(f"{_ROOT}/{sweep_id}/units/{unit}.json", data)

    def read_units(self, sweep_id: str, units: Sequence[str]) -> dict[str, bytes]:
        """Return what units did, read side by side."""
        keys = [f"{_ROOT}/{sweep_id}/units/{unit}.json" for unit in units]
        with ThreadPoolExecutor(READERS) as pool:
            return dict(zip(units, pool.map(self.store.read, keys), strict=True))

    def write_result(self, sweep_id: str, name: str, data: bytes) -> str:
        """Keep one file of the result; return its key."""
        key = f"{_ROOT}/{sweep_id}/result/{name}"
        self.store.write(key, data)
        return key

    def result(self, sweep_id: str) -> bytes | None:
        """Return sweep.json of the result; None before it is merged."""
        key = f"{_ROOT}/{sweep_id}/result/sweep.json"
        return self.store.read(key) if key in self.store.keys(key) else None


def united(
    sweep_id: str, wanted: Sequence[str], shelves: Sequence[Shelf]
) -> Iterator[tuple[str, bytes]]:
    """Yield every unit wanted, in that order, from wherever it is kept.

    Raises:
        ConfigurationError: when units are missing.
        InvariantBroken: when two places keep different bytes of one unit, which is a hash of
            everything it depends on.
    """
    places = [(shelf, shelf.done(sweep_id)) for shelf in shelves]
    missing = set(wanted).difference(*(kept for _, kept in places))
    if missing:
        raise ConfigurationError(
            f"{len(missing)} of {len(wanted)} units of the sweep {sweep_id} are not played yet: "
            "run or submit it again, it goes on where it stopped"
        )
    for start in range(0, len(wanted), _TOGETHER):
        names = wanted[start : start + _TOGETHER]
        found: dict[str, bytes] = {}
        for shelf, kept in places:
            here = [name for name in names if name in kept]
            for unit, data in shelf.read_units(sweep_id, here).items():
                if found.setdefault(unit, data) != data:
                    raise InvariantBroken(
                        f"the unit {unit} was played twice and came out differently: the machines "
                        "differ in more than the sweep knows of"
                    )
        yield from ((name, found[name]) for name in names)


def _kept(cache: Path, sha256: str, name: str, data: bytes) -> Path:
    file = cache / sha256 / name
    if not file.is_file():
        write_atomically(file, data)
    return file
