"""The month's bill, from the written templates and the window calendar.

Counts come from where the thing itself is defined: windows from the calendar, states from the state
machine, functions, alarms, secrets and keys from the templates, metrics from their table. What no
template says (how long a step works, how much a day leaves behind) is an assumption with a name.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.cloud.metrics import EMITTED, OF_RELEASES
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.markets.windows import Window, windows_on

STACKS = ("Storage", "Windows", "Sentry", "Research", "Observability")
HOURS = 730.0  # of a month, as clouds bill it


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What no template says; every one can be given on the command line's ``--assume name=value``.

    Attributes:
        step_seconds: a call of a step, but for cancel, which sleeps from arming to the pull.
        settle_minutes: from the fixing to the last settlement, in which reconcile asks again.
        sentry_minutes: a task's life beyond the session.
        capture_gib: raw capture of one session.
        ledger_kib: what a window leaves in the tables.
        artifact_puts: objects that a window writes.
        log_mib: log lines of one window, all steps together.
        sentry_log_mib: log lines of one session.
        image_gib: the two images together, with the versions that are kept.
        day_job_minutes: the evening's job.
        refit_minutes: the nightly fit.
        source_seconds: one reading of the offices that publish figures.
        source_puts: objects that such a reading writes.
    """

    step_seconds: float = 2.0
    settle_minutes: float = 5.0
    sentry_minutes: float = 25.0
    capture_gib: float = 0.3
    ledger_kib: float = 400.0
    artifact_puts: float = 60.0
    log_mib: float = 1.0
    sentry_log_mib: float = 5.0
    image_gib: float = 4.0
    day_job_minutes: float = 10.0
    refit_minutes: float = 20.0
    source_seconds: float = 20.0
    source_puts: float = 20.0

    def changed(self, texts: Sequence[str]) -> Assumptions:
        """Return a copy with ``name=value`` texts applied; raise ``ConfigurationError``."""
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        for text in texts:
            name, _, value = text.partition("=")
            if name not in known:
                raise ConfigurationError(
                    f"there is no assumption {name!r}; those there are: {', '.join(known)}"
                )
            try:
                known[name] = float(value)
            except ValueError:
                raise ConfigurationError(f"{text!r} is not name=number") from None
        return Assumptions(**known)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: US dollars a month, and how they come about."""

    item: str
    how: str
    dollars: float


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill of one stage."""

    stage: str
    month: str
    windows: int
    sessions: int
    lines: tuple[Line, ...]
    instance: float

    @property
    def total(self) -> float:
        """Return US dollars a month."""
        return sum(line.dollars for line in self.lines)

    @property
    def without_research(self) -> float:
        """Return US dollars a month without jobs and their image."""
        return sum(line.dollars for line in self.lines if not line.item.startswith("Research"))


def bill(
    templates: Path,
    stage: str,
    month: date,
    registry: Registry,
    sessions: Sessions,
    assumed: Assumptions | None = None,
) -> Bill:
    """Return the bill of ``month``'s calendar month for the templates of ``stage``.

    Raises:
        ConfigurationError: when the folder holds no templates of that stage.
    """
    found = _read(templates, stage)
    days = [day for day in _month(month) if sessions.on(day) is not None]
    windows = [w for day in days for w in windows_on(day, registry, sessions)]
    windows += _release_windows(month, registry) if families_of(templates, stage) else []
    hours = sum(session.minutes / 60.0 for d in days if (session := sessions.on(d)) is not None)
    length = sum(1 for _ in _month(month))
    prices = list_prices()
    count = _Counter(found, windows, len(days), length, hours, assumed or Assumptions(), prices)
    lines = tuple(line for make in _LINES for line in make(count))
    price = count.prices["instance"]
    instance = (
        HOURS * (price["hour"] + count.prices["fargate"]["address_hour"])
        + price["disk_gib"] * price["disk_gib_month"]
    )
    return Bill(stage, f"{month:%Y-%m}", len(windows), len(days), lines, instance)


def families_of(templates: Path, stage: str) -> str:
    """Return what the templates of ``stage`` trade beside the index: nothing, or ``macro``.

    Raises:
        ConfigurationError: when the folder holds no templates of that stage.
    """
    resources = _read(templates, stage)["Windows"]["Resources"].values()
    variables = (
        found["Properties"].get("Environment", {}).get("Variables", {})
        for found in resources
        if found["Type"] == "AWS::Lambda::Function"
    )
    return next((v["KALSHI_ALPHA_FAMILIES"] for v in variables if "KALSHI_ALPHA_FAMILIES" in v), "")


def _release_windows(month: date, registry: Registry) -> list[Window]:
    """Return a window for each release of the month: when trading ends is not known ahead."""
    from kalshi_alpha.markets.releases import load_releases  # noqa: PLC0415 - for releases alone

    days = list(_month(month))
    first = datetime(days[0].year, days[0].month, 1, tzinfo=NEW_YORK)
    end = datetime.combine(days[-1] + timedelta(days=1), first.time(), NEW_YORK)
    return [
        Window(group.name, release.at, group.series, group.phases, release)
        for group in registry.groups.values()
        if group.release
        for release in load_releases().between(group.release, first, end)
    ]


@dataclass(frozen=True, slots=True)
class _Counter:
    """What is counted, and what a unit of it costs."""

    templates: Mapping[str, Mapping[str, Any]]
    windows: Sequence[Window]
    sessions: int
    days: int
    session_hours: float
    assumed: Assumptions
    prices: Mapping[str, Mapping[str, float]]

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the properties of every resource of a CloudFormation type."""
        return [
            found["Properties"]
            for template in self.templates.values()
            for found in template["Resources"].values()
            if found["Type"] == kind
        ]

    def memory_gib(self, step: str) -> float:
        """Return the memory of a step's function."""
        for function in self.of("AWS::Lambda::Function"):
            if str(function["FunctionName"]).endswith(f"-{step}"):
                return float(function["MemorySize"]) / 1024.0
        raise ConfigurationError(f"the templates hold no function {step}; run `make synth` first")

    def calls(self) -> dict[str, float]:
        """Return how often each step is called in the month."""
        n = float(len(self.windows))
        scans = sum(_scans(window) for window in self.windows)
        settles = sum(max(1.0, self.assumed.settle_minutes * 60.0 / 30.0) for _ in self.windows)
        return {
            **dict.fromkeys(("start", "preflight", "cancel"), n),
            **dict.fromkeys(("scan", "quote"), scans),
            "reconcile": settles,
            "rollcall": n + self.scheduled("rollcall"),
            **{step: runs for step in OF_RELEASES if (runs := self.scheduled(step))},
        }

    def scheduled(self, step: str) -> float:
        """Return how often a schedule of releases calls a step in the month; 0 without one."""
        for schedule in self.of("AWS::Scheduler::Schedule"):
            if schedule["Name"] == f"releases-{step}":
                return float(self.days * _times_a_day(str(schedule["ScheduleExpression"])))
        return 0.0

    def seconds(self, step: str) -> float:
        """Return how long one call of a step runs."""
        if step == "sources":
            return self.assumed.source_seconds
        if step != "cancel":
            return self.assumed.step_seconds
        phases = self.windows[0].phases
        return float(phases.arm - phases.pull) + self.assumed.step_seconds

    def sentry_hours(self) -> float:
        """Return the hours in which a sentry runs."""
        return self.session_hours + self.sessions * self.assumed.sentry_minutes / 60.0


def _states(c: _Counter) -> Iterator[Line]:
    price = c.prices["states"]
    calls = c.calls()
    # Each pass through scan, quote, the choice and the pause; and a dozen states around it.
    transitions = 2.0 * (calls["scan"] + calls["quote"]) + 2.0 * calls["reconcile"]
    transitions += 12.0 * len(c.windows)
    paid = max(0.0, transitions - price["free_transitions"])
    yield Line(
        "State machine",
        f"{len(c.windows)} windows, {transitions:,.0f} transitions, "
        f"{price['free_transitions']:,.0f} of them free",
        paid / 1000.0 * price["per_1000_transitions"],
    )


def _functions(c: _Counter) -> Iterator[Line]:
    price = c.prices["lambda"]
    calls = c.calls()
    seconds = sum(n * c.seconds(step) * c.memory_gib(step) for step, n in calls.items())
    number = sum(calls.values())
    yield Line(
        "Functions",
        f"{number:,.0f} calls, {seconds:,.0f} GiB-seconds",
        number / 1e6 * price["per_million_calls"] + seconds * price["per_gib_second"],
    )
    yield Line(
        "Traces",
        f"{number:,.0f} calls",
        number / 1e6 * c.prices["fixed"]["trace_per_million"],
    )


def _sentry(c: _Counter) -> Iterator[Line]:
    (task,) = c.of("AWS::ECS::TaskDefinition")
    price, hours = c.prices["fargate"], c.sentry_hours()
    vcpu, gib = float(task["Cpu"]) / 1024.0, float(task["Memory"]) / 1024.0
    rate = vcpu * price["arm_vcpu_hour"] + gib * price["arm_gib_hour"] + price["address_hour"]
    yield Line(
        "Sentry", f"{hours:.0f} h of {vcpu:g} vCPU, {gib:g} GiB and an address", hours * rate
    )


def _tables(c: _Counter) -> Iterator[Line]:
    price = c.prices["dynamodb"]
    symbols = len({s for w in c.windows for s in w.series})
    beats = c.sentry_hours() * 3600.0 * 3.0  # two symbols and the watch, once a second each
    writes = beats + len(c.windows) * 400.0
    reads = sum(c.calls().values()) * 12.0 + c.sentry_hours() * 3600.0
    gib = len(c.windows) * c.assumed.ledger_kib / 2**20 * 12.0
    cost = writes / 1e6 * price["per_million_writes"] + reads / 1e6 * price["per_million_reads"]
    cost += gib * (price["per_gib_month"] + price["recovery_per_gib_month"])
    yield Line(
        "Tables",
        f"{writes / 1e6:.2f} M writes, {reads / 1e6:.2f} M reads, a year of {symbols} series kept",
        cost,
    )


def _bucket(c: _Counter) -> Iterator[Line]:
    price = c.prices["s3"]
    gib = c.sessions * c.assumed.capture_gib * 12.0
    puts = len(c.windows) * c.assumed.artifact_puts
    puts += c.scheduled("sources") * c.assumed.source_puts
    yield Line(
        "Artifacts",
        f"{gib:.0f} GiB when a year of captures is kept, {puts:,.0f} writes",
        gib * price["per_gib_month"] + puts / 1000.0 * price["per_1000_puts"],
    )


def _secrets(c: _Counter) -> Iterator[Line]:
    price = c.prices["fixed"]
    secrets, keys = len(c.of("AWS::SecretsManager::Secret")), len(c.of("AWS::KMS::Key"))
    yield Line(
        "Secrets and key",
        f"{secrets} secrets, {keys} key",
        secrets * price["secret_month"] + keys * price["key_month"],
    )


def _watching(c: _Counter) -> Iterator[Line]:
    price = c.prices["cloudwatch"]
    alarms, both = len(c.of("AWS::CloudWatch::Alarm")), len(c.of("AWS::CloudWatch::CompositeAlarm"))
    yield Line(
        "Alarms",
        f"{alarms} alarms, {both} of two halves",
        alarms * price["per_alarm"] + both * price["per_composite_alarm"],
    )
    metrics = sum(len(names) for step, names in EMITTED.items() if step not in OF_RELEASES)
    paid = max(0.0, metrics - price["free_metrics"]) * _reporting_share(c)
    for step in OF_RELEASES:
        if runs := c.scheduled(step):
            metrics += len(EMITTED[step])
            paid += len(EMITTED[step]) * min(1.0, runs / HOURS)
    yield Line(
        "Metrics",
        f"{metrics} metrics, {price['free_metrics']:g} of them free; billed by the hour",
        paid * price["per_metric"],
    )
    boards = len(c.of("AWS::CloudWatch::Dashboard"))
    yield Line(
        "Dashboards",
        f"{boards}; {price['free_dashboards']:g} are free",
        max(0.0, boards - price["free_dashboards"]) * price["per_dashboard"],
    )
    gib = (len(c.windows) * c.assumed.log_mib + c.sessions * c.assumed.sentry_log_mib) / 1024.0
    yield Line("Logs", f"{gib:.2f} GiB", gib * price["per_log_gib"])


def _reporting_share(c: _Counter) -> float:
    """Return the share of the month's hours in which metrics report: those of the sessions."""
    return min(1.0, (c.session_hours + 2.0 * c.sessions) / HOURS)


def _research(c: _Counter) -> Iterator[Line]:
    price = c.prices["fargate"]
    yield Line(
        "Research: images",
        f"{c.assumed.image_gib:g} GiB",
        c.assumed.image_gib * c.prices["fixed"]["image_gib_month"],
    )
    plan = {
        "day": c.sessions * c.assumed.day_job_minutes,
        "refit": c.sessions * c.assumed.refit_minutes,
    }
    for job in c.of("AWS::Batch::JobDefinition"):
        name = str(job["JobDefinitionName"]).rsplit("-", 1)[-1]
        if name not in plan:
            continue
        needs = {
            r["Type"]: float(r["Value"]) for r in job["ContainerProperties"]["ResourceRequirements"]
        }
        hours = plan[name] / 60.0
        rate = spare_hour(needs["VCPU"], needs["MEMORY"] / 1024.0, price)
        yield Line(
            f"Research: {name}", f"{hours:.1f} h of {needs['VCPU']:g} vCPU, spare", hours * rate
        )


_LINES = (_states, _functions, _sentry, _tables, _bucket, _secrets, _watching, _research)


def _scans(window: Window) -> float:
    making = (window.last_scan_at - window.make_at).total_seconds()
    return making // window.phases.scan_every + 1.0


def _times_a_day(expression: str) -> int:
    """Return how often a daily ``cron(minutes hours ...)`` fires a day."""
    minutes, hours = expression.removeprefix("cron(").split()[:2]
    return _values(minutes, 60) * _values(hours, 24)


def _values(field: str, span: int) -> int:
    """Return how many values a field of a schedule has: ``*``, ``6,13``, ``5-20`` or ``4/15``."""
    if "/" in field:
        first, _, step = field.partition("/")
        return math.ceil((span - int(first)) / int(step))
    if "-" in field:
        low, _, high = field.partition("-")
        return int(high) - int(low) + 1
    return span if field == "*" else len(field.split(","))


def _read(folder: Path, stage: str) -> dict[str, dict[str, Any]]:
    found = {}
    for name in STACKS:
        path = folder / f"{name}.template.json"
        try:
            found[name] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigurationError(
                f"{path} is not there; `make synth` writes the templates"
            ) from None
        except json.JSONDecodeError as error:
            raise ConfigurationError(f"{path} is not a template: {error}") from None
    functions = [
        str(r["Properties"]["FunctionName"])
        for r in found["Windows"]["Resources"].values()
        if r["Type"] == "AWS::Lambda::Function"
    ]
    if not all(f"-{stage}-" in name for name in functions):
        raise ConfigurationError(
            f"the templates in {folder} are not of the stage {stage}; write them with "
            f"`cdk synth -c stage={stage}`, or name their folder with --templates"
        )
    return found


def list_prices() -> dict[str, dict[str, float]]:
    """Return the list prices in US dollars by service; prices.toml says of which region and day."""
    text = resources.files("kalshi_alpha.research").joinpath("prices.toml").read_text("utf-8")
    return {name: found for name, found in tomllib.loads(text).items() if isinstance(found, dict)}


def spare_hour(vcpus: float, gib: float, fargate: Mapping[str, float]) -> float:
    """Return the dollars an hour of one job on spare capacity, with its address."""
    compute = vcpus * fargate["spot_vcpu_hour"] + gib * fargate["spot_gib_hour"]
    return compute + fargate["address_hour"]


def _month(day: date) -> Iterator[date]:
    at = datetime(day.year, day.month, 1)  # noqa: DTZ001 - only its date is used
    while at.month == day.month:
        yield at.date()
        at += timedelta(days=1)
