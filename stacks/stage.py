"""The stage: its name, its broker, and every physical name that more than one stack uses."""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Node

from kalshi_alpha.cloud.layout import TableSpec
from kalshi_alpha.cloud.metrics import namespace
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.traded import INDEX, MACRO, trades_macro

PAPER, LIVE = "paper", "live"

# Both stages read the real venue: paper fills come from its public tape.
VENUE_URL = "https://external-api.kalshi.com/trade-api/v2"
VENUE_WS_URL = "wss://external-api-ws.kalshi.com/trade-api/ws/v2"
FEED_URL = "https://api.massive.com"
FEED_WS_URL = "wss://socket.massive.com/indices"


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment.

    Attributes:
        name: paper or live.
        broker: who may place.
        image_tag: of the sentry's image, in the stage's own repository.
        research_tag: of the image of research.
        families: what is traded beside the index: nothing, or ``macro``.
        contact: an e-mail address, for the offices that publish the figures.
        momentum: city groups whose temperature ladders are quoted, each by a task of its own.
        momentum_tag: of that task's image.
        shadow: whether these tasks decide and record only.
    """

    name: str = PAPER
    broker: str = PAPER
    image_tag: str = "latest"
    research_tag: str = "latest"
    families: str = ""
    contact: str = ""
    momentum: tuple[str, ...] = ()
    momentum_tag: str = "latest"
    shadow: bool = False

    def __post_init__(self) -> None:
        self._check_momentum()
        if self.families not in ("", MACRO):
            raise ConfigurationError(
                f"there are no families {self.families!r}; use -c families={MACRO}, or "
                f"{INDEX} alone by default"
            )
        if self.macro and "@" not in self.contact:
            raise ConfigurationError(
                f"the contact {self.contact!r} is no e-mail address, and the offices that publish "
                "figures want to know who reads them; use -c contact=you@example.org"
            )
        if self.name not in (PAPER, LIVE):
            raise ConfigurationError(
                f"the stage {self.name!r} is neither {PAPER!r} nor {LIVE!r}; use -c stage=paper"
            )
        if self.broker not in (PAPER, self.name):
            raise ConfigurationError(
                f"the broker {self.broker!r} cannot be had on the stage {self.name!r}; only the "
                "stage 'live' may have the broker 'live'"
            )

    def _check_momentum(self) -> None:
        from kalshi_alpha.markets.temperature import load_temperatures  # noqa: PLC0415 - only then

        known = load_temperatures().groups
        unknown = sorted(set(self.momentum) - set(known))
        if unknown:
            raise ConfigurationError(
                f"there is no city group {unknown[0]!r}; use -c momentum={','.join(known)}, or less"
            )
        if self.momentum and "@" not in self.contact:
            raise ConfigurationError(
                f"the contact {self.contact!r} is no e-mail address, and the weather office wants "
                "to know who reads it; use -c contact=you@example.org"
            )

    @property
    def prefix(self) -> str:
        """How every name of the stage begins."""
        return f"kalshi-alpha-{self.name}"

    @property
    def trades(self) -> bool:
        """Whether anything of this stage may ever hold the trading key."""
        return self.broker == LIVE

    @property
    def macro(self) -> bool:
        """Whether the families that wait for a release are traded."""
        return self.families == MACRO

    @property
    def metrics(self) -> str:
        """The CloudWatch namespace."""
        return namespace(self.name)

    @property
    def machine(self) -> str:
        """The state machine's name."""
        return f"{self.prefix}-window"

    def table(self, spec: TableSpec) -> str:
        """Return a table's name."""
        return f"{self.prefix}-{spec.name}"

    def function(self, step: str) -> str:
        """Return a function's name."""
        return f"{self.prefix}-{step}"

    def log_group(self, step: str) -> str:
        """Return the name of a step's log group."""
        return f"/kalshi-alpha/{self.name}/{step}"

    def secret(self, name: str) -> str:
        """Return a secret's name."""
        return f"kalshi-alpha/{self.name}/{name}"


def stage_from(node: Node) -> Stage:
    """Return the stage that CDK's context asks for.

    It names ``stage``, ``broker``, the images' tags, ``families`` and ``contact``. The default is
    paper; the stage live has the broker live unless told otherwise. The macro families are on where
    the context or their own file says so, and so are the temperature ladders by ``momentum``, which
    names city groups, with ``momentum_tag`` and ``shadow``. Raises ``ConfigurationError`` for
    anything else.
    """
    name = str(node.try_get_context("stage") or PAPER)
    broker = str(node.try_get_context("broker") or name)
    sentry, research = (
        str(node.try_get_context(f"{image}_tag") or "latest") for image in ("sentry", "research")
    )
    asked = str(node.try_get_context("families") or INDEX)
    families = MACRO if trades_macro() else asked if asked != INDEX else ""
    contact = str(node.try_get_context("contact") or "")
    return Stage(
        name,
        broker,
        sentry,
        research,
        families,
        contact,
        momentum=_city_groups(str(node.try_get_context("momentum") or "")),
        momentum_tag=str(node.try_get_context("momentum_tag") or "latest"),
        shadow=str(node.try_get_context("shadow") or "") == "on",
    )


def _city_groups(asked: str) -> tuple[str, ...]:
    """Return the city groups that are asked for; all of them where the table has them enabled."""
    from kalshi_alpha.markets.temperature import load_temperatures  # noqa: PLC0415 - only then

    table = load_temperatures()
    if table.enabled and not asked:
        return tuple(table.groups)
    return tuple(name for name in asked.split(",") if name)
