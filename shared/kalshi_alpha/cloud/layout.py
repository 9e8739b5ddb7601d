"""The tables and their keys, defined once for the stacks, the functions and the rehearsal.

===========  =======================  ===========================  ==============================
table        pk                       sk                           what
===========  =======================  ===========================  ==============================
state        ``WINDOW#<id>``          ``RECORD``                   who started it, GO and reasons
state        ``WINDOW#<id>``          ``PART#<part>``              one part, by its one writer
state        ``WINDOW#<id>``          ``FREEZE``                   why nobody may quote it
state        ``WINDOW#<id>``          ``FIXING#<symbol>``          our last value at or before T
state        ``SWITCH``               ``KILL``                     the kill-switch
state        ``SWITCH``               ``HISTORY#<instant>#<n>``    who moved it, when and why
state        ``ARMING``               ``LIVE``                     the operator's arming of live
state        ``STAGE``                ``NOW``                      research, paper, pilot, scaled
state        ``STAGE``                ``HISTORY#<instant>#<n>``    every standing, and who moved it
state        ``COOLOFF``              ``<series>``                 a pause after a loss limit
state        ``PLAN``                 ``<id>``                     a window of a release, planned
state        ``HEARTBEAT``            ``<symbol>``                 the sentry's last word
state        ``HEARTBEAT``            ``WATCH``                    which sentry watches, how long
ledger       ``WINDOW#<id>``          ``ORDER#<client order id>``  intent, then what became of it
ledger       ``WINDOW#<id>``          ``FILL#<fill id>``           one fill
ledger       ``WINDOW#<id>``          ``SETTLEMENT#<ticker>``      what one market paid
ledger       ``WINDOW#<id>``          ``CASH#<moment>``            the venue's balance
ledger       ``DAY#<date>``           ``RESULT#<id>``              what a window earned, by series
ledger       ``LAW#<symbol>``         ``<fixing>#<id>#<which>``    how one law of a window came out
ledger       ``EXPOSURE#<Monday>``    ``LIMIT#<scope>#<name>``     what may still be lost through it
ledger       ``EXPOSURE#<Monday>``    ``HOLD#<window>/<order id>`` one order's part in the limits
ledger       ``BOOK#<book>``          ``TRANSFER#<name>``          money moved outside of any trade
ledger       ``BOOK#<book>``          ``CLOSE#<date>``             how a day's journal was sealed
ledger       ``PAPER``                ``ORDER#<order id>``         the paper broker's own book
===========  =======================  ===========================  ==============================
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table: its name's last part, its key attributes and its expiry attribute."""

    name: str
    partition_key: str = "pk"
    sort_key: str = "sk"
    ttl: str = "ttl"


STATE = TableSpec("state")
LEDGER = TableSpec("ledger")
