"""What a person is told and can look at: alarms to one topic, and one dashboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.stage import Stage
from stacks.storage import StorageStack
from stacks.windows import WindowsStack

RUNBOOK = "docs/runbooks/alarms.md"
MINUTE = Duration.minutes(1)
FIVE_MINUTES = Duration.minutes(5)

# Seconds relative to the fixing: the venue cancels at T-2 s by itself, and closes at T.
LATEST_PULL = -1.0
# Preflight and scans refuse a heartbeat of this age long before; here it calls a person.
OLDEST_HEARTBEAT = 10.0

_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_QUIET = cloudwatch.TreatMissingData.NOT_BREACHING


class ObservabilityStack(Stack):
    """Alarms, their topic, and the dashboard."""

    def __init__(
        self, scope: Construct, stage: Stage, *, storage: StorageStack, windows: WindowsStack
    ) -> None:
        super().__init__(scope, "Observability", stack_name=f"{stage.prefix}-observability")
        self._stage, self._windows = stage, windows
        self.topic = sns.Topic(
            self,
            "Alarms",
            topic_name=f"{stage.prefix}-alarms",
            display_name=f"Kalshi Alpha {stage.name}",
            master_key=storage.key,
            enforce_ssl=True,
        )
        self._alarm_on_windows()
        self._alarm_on_functions()
        self._alarm_on_pull_and_books()
        self._alarm_on_silent_sentry()
        self._make_dashboard(stage)

    # --- alarms ------------------------------------------------------------------------------

    def _alarm_on_windows(self) -> None:
        machine = self._windows.machine
        for name, metric in (
            ("window-failed", machine.metric_failed(period=MINUTE)),
            ("window-timed-out", machine.metric_timed_out(period=MINUTE)),
            ("window-aborted", machine.metric_aborted(period=MINUTE)),
        ):
            self._alarm(name, metric, "an execution of the state machine did not succeed")
        self._alarm(
            "schedule-not-delivered",
            self._windows.dead_letters.metric_approximate_number_of_messages_visible(
                period=MINUTE, statistic="Maximum"
            ),
            "a start could not be delivered; the message in the queue says which",
        )

    def _alarm_on_functions(self) -> None:
        steps = self._windows.steps
        self._alarm(
            "window-not-started",
            steps["start"].function.metric_errors(period=MINUTE),
            "the starter failed, so a window did not run",
        )
        self._alarm(
            "cancel-failed",
            steps["cancel"].function.metric_errors(period=MINUTE),
            "a call of cancel failed; it is repeated, but look",
        )
        self._alarm(
            "functions-throttled",
            _math(
                "SUM(METRICS())",
                {
                    step: found.function.metric_throttles(period=MINUTE)
                    for step, found in steps.items()
                },
            ),
            "a function was refused for lack of concurrency",
        )

    def _alarm_on_pull_and_books(self) -> None:
        self._alarm(
            "pull-late",
            self._own("cancel", "PullLateness", "Maximum"),
            f"a pull was confirmed later than T{LATEST_PULL:g} s",
            threshold=LATEST_PULL,
        )
        self._alarm(
            "orders-resting",
            # Below 0 the pull never saw a listing, which is no better than orders in it.
            _math("ABS(resting)", {"resting": self._own("cancel", "RestingAfterPull", "Maximum")}),
            "a pull ended without seeing an empty book",
        )
        self._alarm(
            "books-differ",
            _math("ABS(cash)", {"cash": self._own("reconcile", "LedgerDifference", "Maximum")}),
            "the venue's balance moved by something our ledger does not explain",
        )

    def _alarm_on_silent_sentry(self) -> None:
        """Call when the heartbeat is old or missing, but only while a window works.

        That follows half days, holidays and daylight saving by itself. The two halves call nobody:
        every night there is no heartbeat, and every window works.
        """
        silent = self._alarm(
            "heartbeat-missing",
            self._own("sentry", "HeartbeatAge", "Maximum"),
            f"no heartbeat, or one older than {OLDEST_HEARTBEAT:g} s; normal outside a session",
            threshold=OLDEST_HEARTBEAT,
            missing=cloudwatch.TreatMissingData.BREACHING,
            minutes=(2, 3),
            calls=False,
        )
        calls = {
            step: self._windows.steps[step].function.metric_invocations(period=MINUTE)
            for step in ("preflight", "scan")
        }
        working = self._alarm(
            "window-working",
            _math("SUM(METRICS())", calls),
            "a window is being judged or made; no fault by itself",
            minutes=(1, 5),  # from the judging over the pause to the making
            calls=False,
        )
        both = cloudwatch.CompositeAlarm(
            self,
            "sentry-silent",
            composite_alarm_name=f"{self._stage.prefix}-sentry-silent",
            alarm_description=_description("sentry-silent", "a window works without a heartbeat"),
            alarm_rule=cloudwatch.AlarmRule.all_of(silent, working),
        )
        both.add_alarm_action(actions.SnsAction(self.topic))

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        meaning: str,
        *,
        threshold: float = 0.0,
        missing: cloudwatch.TreatMissingData = _QUIET,
        minutes: tuple[int, int] = (1, 1),
        calls: bool = True,
    ) -> cloudwatch.Alarm:
        """Make an alarm that fires when so many of so many minutes are above the threshold."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._stage.prefix}-{name}",
            alarm_description=_description(name, meaning),
            metric=metric,
            threshold=threshold,
            comparison_operator=_ABOVE,
            datapoints_to_alarm=minutes[0],
            evaluation_periods=minutes[1],
            treat_missing_data=missing,
        )
        if calls:
            alarm.add_alarm_action(actions.SnsAction(self.topic))
        return alarm

    # --- dashboard ---------------------------------------------------------------------------

    def _make_dashboard(self, stage: Stage) -> None:
        dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=stage.prefix, default_interval=Duration.days(1)
        )
        for row in (self._windows_row(), self._feed_row(), self._quotes_row()):
            dashboard.add_widgets(*row)

    def _windows_row(self) -> Iterator[cloudwatch.GraphWidget]:
        machine, own = self._windows.machine, self._own
        yield _graph(
            "Windows",
            machine.metric_started(period=FIVE_MINUTES),
            machine.metric_succeeded(period=FIVE_MINUTES),
            machine.metric_failed(period=FIVE_MINUTES),
            own("preflight", "Go"),
            own("start", "NoWindow"),
        )
        yield _graph(
            "Pull: confirmed, seconds from the fixing",
            own("cancel", "PullLateness", "Maximum"),
            limit=LATEST_PULL,
        )
        yield _graph(
            "Orders resting after a pull, and attempts it took",
            own("cancel", "RestingAfterPull", "Maximum"),
            own("cancel", "PullAttempts", "Maximum"),
        )

    def _feed_row(self) -> Iterator[cloudwatch.GraphWidget]:
        own = self._own
        yield _graph(
            "Heartbeat age, seconds",
            own("sentry", "HeartbeatAge", "Maximum"),
            limit=OLDEST_HEARTBEAT,
        )
        yield _graph(
            "Feed: lag and silence, seconds",
            own("sentry", "FeedLag", "Maximum"),
            own("sentry", "FeedSilence", "Maximum"),
        )
        yield _graph(
            "Time each step takes, milliseconds",
            *(own(step, "Duration", "Maximum") for step in self._windows.steps),
        )

    def _quotes_row(self) -> Iterator[cloudwatch.GraphWidget]:
        own = self._own
        yield _graph(
            "Candidates, refusals, targets",
            *(own("scan", name) for name in ("Candidates", "Refusals", "Targets")),
        )
        done = ("Created", "Amended", "Canceled", "Rejected", "Unknown")
        yield _graph("Quotes", *(own("quote", f"Quotes{what}") for what in done))
        yield _graph(
            "Fills and the books",
            own("reconcile", "Fills"),
            own("reconcile", "LedgerDifference", "Maximum"),
        )

    def _own(self, step: str, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._stage.metrics,
            metric_name=name,
            dimensions_map={"service": step},
            label=f"{step} {name}",
            statistic=statistic,
            period=MINUTE,
        )


def _description(name: str, meaning: str) -> str:
    return f"{meaning[0].upper()}{meaning[1:]}. See {RUNBOOK}#{name}"


def _math(expression: str, metrics: Mapping[str, cloudwatch.IMetric]) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=expression, using_metrics=dict(metrics), period=MINUTE, label=expression
    )


def _graph(
    title: str, *metrics: cloudwatch.IMetric, limit: float | None = None
) -> cloudwatch.GraphWidget:
    lines = [] if limit is None else [cloudwatch.HorizontalAnnotation(value=limit)]
    return cloudwatch.GraphWidget(
        title=title, left=list(metrics), left_annotations=lines, width=8, height=6
    )
