"""Who may place orders: paper unless two independent steps say otherwise."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, ip_address
from urllib.parse import urlsplit

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import ArmingError, ConfigurationError
from kalshi_alpha.trading.standing import Standing

_LOOPBACK = IPv4Network("127.0.0.0/8")


class Broker(StrEnum):
    """Where orders go: nowhere, to the twin on this machine, or to the exchange."""

    PAPER = "paper"
    TWIN = "twin"
    LIVE = "live"


def choose_broker(
    *,
    requested: str,
    stage: str,
    venue_url: str,
    armed_until: datetime | None,
    now: datetime,
    standing: Standing = Standing.PAPER,
) -> Broker:
    """Return the broker asked for, if it may be had.

    ``paper`` always may. ``twin`` may when the venue is this very machine. ``live`` may when the
    stage was deployed as live, an operator has promoted the strategy to a pilot or beyond, and,
    separately, has armed it until later than ``now``.

    Raises:
        ConfigurationError: for a broker that does not exist.
        ArmingError: for one that may not be had, with what is missing.
    """
    try:
        broker = Broker(requested)
    except ValueError:
        names = ", ".join(Broker)
        raise ConfigurationError(f"the broker {requested!r} is none of {names}") from None
    if broker is Broker.TWIN and not is_loopback(venue_url):
        raise ArmingError(
            f"the twin broker reaches only this machine, and the venue is {_host(venue_url)!r}"
        )
    if broker is Broker.LIVE:
        _require_live(stage, venue_url, armed_until, now, standing)
    return broker


def is_loopback(url: str) -> bool:
    """Say whether ``url`` names this machine: 127.0.0.0/8, ::1 or localhost, and nothing clever."""
    host = _host(url)
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return address == IPv6Address("::1")
    return address in _LOOPBACK


def _require_live(
    stage: str, venue_url: str, armed_until: datetime | None, now: datetime, standing: Standing
) -> None:
    if stage != "live":
        raise ArmingError(f"live trading needs a stage deployed as 'live', and this is {stage!r}")
    if armed_until is None:
        raise ArmingError("live trading is not armed; an operator must arm it for a limited time")
    if now >= armed_until:
        raise ArmingError(
            f"live trading was armed until {iso(armed_until)}, which has passed; arm it again"
        )
    if urlsplit(venue_url).scheme != "https":
        raise ArmingError("live trading needs an https address of the venue")
    if not standing.may_trade_live:
        raise ArmingError(
            f"live trading needs a pilot or a scaled strategy, and this one stands at {standing}; "
            "see kalshi-alpha pilot status"
        )


def _host(url: str) -> str:
    """Return the host, empty when the address carries a user or a backslash to hide it behind."""
    if "@" in url or "\\" in url:
        return ""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
