"""What a use case works with, built once from the environment.

A Lambda builds its ``Runtime`` at first use; the rehearsal installs one with the twin's clock. No
module but this one reads the environment. Nothing here can place an order: the quote step makes
its own placer in ``steps.placing``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cached_property
from typing import TypeVar

from kalshi_alpha.clock import NEW_YORK, Clock, SystemClock
from kalshi_alpha.cloud.artifacts import ArtifactStore, open_store
from kalshi_alpha.cloud.exposure import ExposureStore
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.plans import PlanStore
from kalshi_alpha.cloud.services import client, read_secret
from kalshi_alpha.cloud.state import StateStore, arming_expiry
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.sessions import Sessions, load_sessions
from kalshi_alpha.markets.traded import trade
from kalshi_alpha.markets.windows import Window, window_from_id, windows_on
from kalshi_alpha.pricing.parameters import shipped_parameters
from kalshi_alpha.steps.paper import PaperBroker
from kalshi_alpha.steps.ports import Puller, Viewer
from kalshi_alpha.steps.redaction import conceal
from kalshi_alpha.trading.arming import Broker, choose_broker
from kalshi_alpha.trading.standing import Standing, StandingRecord
from kalshi_alpha.venues.kalshi.puller import KalshiPuller
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key

_PREFIX = "KALSHI_ALPHA_"
C = TypeVar("C", bound=KalshiReader)
PARAMETERS_KEY = "parameters/index.json"
FIGURE_PARAMETERS_KEY = "parameters/macro.toml"
TUNING_KEY = "parameters/tuning.json"
HONESTY_KEY = "honesty/index.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """Names and addresses; every field is an environment variable ``KALSHI_ALPHA_<FIELD>``."""

    stage: str = "paper"
    broker: str = "paper"
    state_table: str = ""
    ledger_table: str = ""
    artifacts: str = ""
    venue_url: str = ""
    venue_ws_url: str = ""
    feed_url: str = ""
    feed_ws_url: str = ""
    secret: str = ""  # the key that may write: quote's own, or the one of cancel and the sentry
    read_secret: str = ""
    feed_secret: str = ""
    state_machine: str = ""
    schedules: str = ""  # the group of one-time schedules of planned windows
    starter: str = ""  # the function that they call
    schedule_role: str = ""
    dead_letters: str = ""
    families: str = ""  # what is traded beside the index, with commas: ``macro``
    sources_url: str = ""  # one host that stands for those of all published figures: a twin's
    contact: str = ""  # an e-mail address, for the offices that publish figures
    sources_secret: str = ""  # keys of those offices, where there are any
    cities: str = ""  # the city group of a momentum process
    shadow: str = ""  # ``on``: a momentum process decides and records, and places nothing

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings; an unknown ``KALSHI_ALPHA_`` name is left to whoever it belongs to."""
        names = (f.name for f in fields(cls))
        found = {
            n: environment[_PREFIX + n.upper()] for n in names if _PREFIX + n.upper() in environment
        }
        return cls(**found)

    def require(self, name: str) -> str:
        """Return a setting that this step cannot do without."""
        value = str(getattr(self, name))
        if not value:
            raise ConfigurationError(
                f"{_PREFIX}{name.upper()} is not set; the stacks set it for every function that "
                "may know it"
            )
        return value


@dataclass
class Runtime:
    """Clock, configuration, stores and venue clients of one process."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    _clients: dict[str, KalshiReader] = field(default_factory=dict, repr=False)

    @cached_property
    def registry(self) -> Registry:
        """What trades and when."""
        if self.settings.families:
            trade(*self.settings.families.split(","))
        return load_registry()

    @cached_property
    def sessions(self) -> Sessions:
        """The exchange calendar."""
        return load_sessions()

    @cached_property
    def state(self) -> StateStore:
        """Windows, switch, heartbeats."""
        name = self.settings.require("state_table")
        return StateStore(Table(client("dynamodb"), name))

    @cached_property
    def plans(self) -> PlanStore:
        """Windows that a listing decides."""
        name = self.settings.require("state_table")
        return PlanStore(Table(client("dynamodb"), name), self.registry)

    @cached_property
    def ledger(self) -> LedgerStore:
        """Orders, fills, settlements."""
        name = self.settings.require("ledger_table")
        return LedgerStore(Table(client("dynamodb"), name))

    @cached_property
    def exposure(self) -> ExposureStore:
        """The limits' counters."""
        name = self.settings.require("ledger_table")
        return ExposureStore(Table(client("dynamodb"), name), self.clock.sleep)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Parameters, why-records, reports."""
        uri = self.settings.require("artifacts")
        return open_store(uri, client("s3") if uri.startswith("s3:") else None)

    @property
    def broker(self) -> Broker:
        """Who may place: paper, twin or live. Judged at each call, for arming runs out."""
        may_be_armed = self.settings.broker == Broker.LIVE and self.settings.stage == "live"
        return choose_broker(
            requested=self.settings.broker,
            stage=self.settings.stage,
            venue_url=self.settings.venue_url,
            armed_until=arming_expiry(self.state.arming()) if may_be_armed else None,
            now=self.clock.now(),
            standing=self.standing.standing if may_be_armed else Standing.PAPER,
        )

    @property
    def standing(self) -> StandingRecord:
        """How far the strategy has come; read at each call, for a demotion holds at once."""
        return StandingRecord.from_json(self.state.standing())

    @cached_property
    def reader(self) -> KalshiReader:
        """Market data and, with a read key, our own records."""
        name = self.settings.read_secret or self.settings.secret
        return self.venue_client(KalshiReader, name)

    @cached_property
    def viewer(self) -> Viewer:
        """Our own orders and fills, with the read key."""
        if self.settings.broker == Broker.PAPER:
            return PaperBroker(self.ledger, self.clock, self.reader)
        return self.reader

    @cached_property
    def puller(self) -> Puller:
        """Whoever may cancel. No arming is asked: an expired one must not keep orders alive."""
        if self.settings.broker == Broker.PAPER:
            return PaperBroker(self.ledger, self.clock, self.reader)
        return self.venue_client(KalshiPuller, self.settings.require("secret"))

    def venue_client(self, kind: type[C], secret: str) -> C:
        """Return the one client of that kind, signing with that secret, and keep it open."""
        if kind.__name__ not in self._clients:
            credentials = credentials_from(read_secret(secret)) if secret else None
            self._clients[kind.__name__] = kind(
                self.settings.require("venue_url"), self.clock, credentials
            )
        found = self._clients[kind.__name__]
        assert isinstance(found, kind)
        return found

    def close(self) -> None:
        """Close every connection that was opened."""
        for opened in self._clients.values():
            opened.close()
        self._clients.clear()

    def window(self, window_id: str) -> Window:
        """Return the window of that id; raise ``WindowClosed`` or ``DataError``."""
        return window_from_id(window_id, self.registry, self.sessions)

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """Return the windows of a New York day by fixing: by the calendar, and those planned."""
        found = windows_on(day, self.registry, self.sessions)
        if not any(group.release for group in self.registry.groups.values()):
            return found
        planned = (plan.window for plan in self.plans.on(day) if not plan.cancelled)
        return tuple(sorted((*found, *planned), key=lambda window: window.fixing))

    def parameters(self) -> bytes:
        """Return the calibrated parameters from the artifact store, else the shipped ones."""
        try:
            return self.artifacts.read(PARAMETERS_KEY)
        except DataError:
            return shipped_parameters(self.clock.now().astimezone(NEW_YORK).date())

    def figure_parameters(self) -> bytes:
        """Return the fitted parameters of published figures, else the shipped ones."""
        from kalshi_alpha.families.macro import shipped_parameters  # noqa: PLC0415 - only then

        try:
            return self.artifacts.read(FIGURE_PARAMETERS_KEY)
        except DataError:
            return shipped_parameters(self.clock.now().astimezone(NEW_YORK).date())

    def tuning(self) -> bytes | None:
        """Return what past days taught, from the artifact store; None, the rule, without it."""
        try:
            return self.artifacts.read(TUNING_KEY)
        except DataError:
            return None

    def honesty(self) -> bytes | None:
        """Return the honesty artifact, None where nobody has fitted one yet."""
        try:
            return self.artifacts.read(HONESTY_KEY)
        except DataError:
            return None


def credentials_from(secret: Mapping[str, str]) -> Credentials:
    """Return the signing credentials in a secret ``{"key_id": ..., "pem": ...}``."""
    key_id, pem = secret.get("key_id", ""), secret.get("pem", "")
    conceal(key_id, pem)
    return Credentials(key_id, load_key(pem.encode()))


_installed: list[Runtime] = []


def current() -> Runtime:
    """Return the process's runtime, building it from the environment at first use."""
    if not _installed:
        install(Runtime(Settings.from_environment(os.environ)))
    return _installed[0]


def install(runtime: Runtime) -> None:
    """Make ``runtime`` the process's own; the rehearsal and the tests do."""
    _installed[:] = [runtime]
