"""Every error this project raises, as one tree.

KalshiAlphaError
├── ConfigurationError        fix the set-up and start again
│   ├── SecretError           a key is missing, malformed or encrypted
│   └── ArmingError           live trading was asked for and is not armed
├── DataError                 what came from outside cannot be used
│   ├── TickerError           a ticker outside the grammar
│   ├── ContractError         a market that cannot be priced safely
│   ├── ParameterError        parameters unproven, of another schema, or out of date
│   ├── StaleDataError        a feed is late, silent or delayed
│   └── SequenceGapError      a stream lost messages
├── VenueError                the exchange or the index vendor answered badly
│   ├── VenueRejected         a definite no: sending it again unchanged is pointless
│   ├── VenueThrottled        the request budget is spent; nothing happened
│   ├── VenueUnavailable      no usable answer to a read: safe to ask again
│   └── VenueAmbiguous        a write with unknown outcome: look it up, never blind-retry
├── Refusal                   a rule of ours said no
│   ├── WindowClosed          a closed day, or a start outside its window
│   ├── AlreadyStarted        this window has been started by somebody else
│   ├── KillSwitchOn          the operator's switch is on, or cannot be read
│   └── LimitReached          an order would pass a limit on losses
└── InvariantBroken           our own books contradict themselves

Messages name the thing, its value, the limit and the way out. Secrets never appear in them.
``exit_code`` is what the command line returns.
"""

from __future__ import annotations


class KalshiAlphaError(Exception):
    """Root of the tree; ``str()`` is a sentence for a person."""

    exit_code = 1


class ConfigurationError(KalshiAlphaError):
    """The set-up is wrong: fix it and start again."""

    exit_code = 2


class SecretError(ConfigurationError):
    """A key is missing, malformed or encrypted."""


class ArmingError(ConfigurationError):
    """Live trading was asked for without every arming step."""


class DataError(KalshiAlphaError):
    """What came from outside cannot be used."""

    exit_code = 4


class TickerError(DataError):
    """A ticker is outside the venue's grammar."""


class ContractError(DataError):
    """A market cannot be priced safely; ``code`` names the reason for records and metrics."""

    def __init__(self, message: str, *, code: str = "contract") -> None:
        super().__init__(message)
        self.code = code


class ParameterError(DataError):
    """Parameters are unproven, of another schema, or out of date."""


class StaleDataError(DataError):
    """A feed is late, silent or delayed."""


class SequenceGapError(DataError):
    """A stream lost messages, so what was built from it is stale."""


class VenueError(KalshiAlphaError):
    """The exchange or the index vendor answered badly.

    ``status`` is the HTTP status (0 when no answer came) and ``code`` the venue's own word.
    """

    exit_code = 5

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class VenueRejected(VenueError):
    """A definite no: sending the same request again is pointless."""


class VenueThrottled(VenueError):
    """The request budget is spent; the request had no effect."""


class VenueUnavailable(VenueError):
    """No usable answer to a read: safe to ask again."""


class VenueAmbiguous(VenueError):
    """A write whose outcome is unknown: look it up, never send it again blindly."""


class Refusal(KalshiAlphaError):
    """A rule of ours said no."""

    exit_code = 3


class WindowClosed(Refusal):
    """A closed day, or a start outside its window."""


class AlreadyStarted(Refusal):
    """This window has been started by somebody else."""


class KillSwitchOn(Refusal):
    """The operator's switch is on, or cannot be read."""


class LimitReached(Refusal):
    """An order would pass a limit on losses; ``scope`` names which kind of limit."""

    def __init__(self, message: str, *, scope: str) -> None:
        super().__init__(message)
        self.scope = scope


class InvariantBroken(KalshiAlphaError):
    """Our own books contradict themselves: stop and look."""

    exit_code = 6
