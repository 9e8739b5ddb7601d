"""What a person is told and can look at: alarms and a budget to one topic, and one dashboard."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.acknowledge import acknowledge
from stacks.research import ResearchStack
from stacks.stage import LIVE, PAPER, Stage
from stacks.storage import StorageStack
from stacks.windows import WindowsStack

RUNBOOK = "docs/runbooks/alarms.md"
MINUTE = Duration.minutes(1)
FIVE_MINUTES = Duration.minutes(5)

# Seconds relative to the fixing: the venue cancels at T-2 s by itself, and closes at T.
LATEST_PULL = -1.0
# Preflight and scans refuse a heartbeat of this age long before; here it calls a person.
OLDEST_HEARTBEAT = 10.0
# The gates of the last minute refuse a fraction of it.
LATEST_FEED = 3.0
# They hold for fourteen; two more evenings may fail to refit before windows are refused.
OLDEST_PARAMETERS = 12.0
# Hours since a source that is needed spoke; windows are refused from 26 on, or 50.
OLDEST_SOURCE = 24.0
# US dollars a month: what `kalshi-alpha cost` says, and as much again for a busy month.
BUDGET = {PAPER: 40, LIVE: 60}
# Edges of the histogram of pulls; past the last one somebody has been called.
LATENESS = (-60.0, -2.2, -2.15, -2.1, -2.05, -2.0, -1.9, -1.5, LATEST_PULL, 60.0)

_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_QUIET = cloudwatch.TreatMissingData.NOT_BREACHING


class ObservabilityStack(Stack):
    """Alarms, their topic, and the dashboard."""

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        storage: StorageStack,
        windows: WindowsStack,
        research: ResearchStack,
    ) -> None:
        super().__init__(scope, "Observability", stack_name=f"{stage.prefix}-observability")
        self._stage, self._windows, self._research = stage, windows, research
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
        self._alarm_on_feed()
        self._alarm_on_stops()
        self._alarm_on_the_day()
        if stage.macro:
            self._alarm_on_releases()
        self._tell_of_failed_jobs()
        self._watch_the_bill(stage)
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
            "window-missing",
            self._own("rollcall", "WindowMissing", "Maximum"),
            "a window had not begun two minutes after its preparation was due",
        )
        self._alarm(
            "window-not-started",
            _math(
                "SUM(METRICS())",
                {
                    step: steps[step].function.metric_errors(period=MINUTE)
                    for step in ("start", "rollcall")
                },
            ),
            "the starter, or the roll call that checks on it, failed",
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

    def _alarm_on_feed(self) -> None:
        """Call when heartbeat or feed is late or missing, but only while a window works.

        That follows half days, holidays and daylight saving by itself. The halves call nobody:
        every night there is no heartbeat, and every window works.
        """
        halves = {}
        halves["sentry-silent"] = self._alarm(
            "heartbeat-missing",
            self._own("sentry", "HeartbeatAge", "Maximum"),
            f"no heartbeat, or one older than {OLDEST_HEARTBEAT:g} s; normal outside a session",
            threshold=OLDEST_HEARTBEAT,
            missing=cloudwatch.TreatMissingData.BREACHING,
            minutes=(2, 3),
            calls=False,
        )
        halves["feed-late"] = self._alarm(
            "feed-lags",
            self._own("sentry", "FeedLag", "Maximum"),
            f"index values came more than {LATEST_FEED:g} s late; calls nobody outside a window",
            threshold=LATEST_FEED,
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
        for name, half in halves.items():
            self._both(name, half, working)

    def _both(self, name: str, half: cloudwatch.Alarm, working: cloudwatch.Alarm) -> None:
        meaning = {
            "sentry-silent": "a window works without a heartbeat",
            "feed-late": "a window works on index values that come late",
        }[name]
        both = cloudwatch.CompositeAlarm(
            self,
            name,
            composite_alarm_name=f"{self._stage.prefix}-{name}",
            alarm_description=_description(name, meaning),
            alarm_rule=cloudwatch.AlarmRule.all_of(half, working),
        )
        both.add_alarm_action(actions.SnsAction(self.topic))

    def _alarm_on_stops(self) -> None:
        """Call when something that keeps us from quoting has come on, by itself or by hand."""
        for name, metric, meaning, limit in (
            ("kill-switch-on", "KillSwitch", "a window found the kill-switch on", 0.0),
            ("loss-stop", "LossStop", "a series is stopped by what it lost", 0.0),
            ("law-drifts", "Shrunk", "how laws came out shrinks or refuses a series", 0.0),
            (
                "parameters-old",
                "ParametersAge",
                f"parameters are older than {OLDEST_PARAMETERS:g} days; at 14 windows are refused",
                OLDEST_PARAMETERS,
            ),
        ):
            found = self._own("preflight", metric, "Maximum")
            self._alarm(name, found, meaning, threshold=limit)

    def _alarm_on_the_day(self) -> None:
        for name, metric, meaning in (
            ("ev-drift", "EvDrift", "what is earned has fallen behind what was claimed"),
            ("ledger-differs", "LedgerDifferences", "ledger and venue differ unexplained"),
            ("stage-lost", "Demoted", "the day's judgement took the stage back"),
        ):
            self._alarm(name, self._own("day", metric, "Maximum"), meaning)

    def _alarm_on_releases(self) -> None:
        """Call when nothing is planned, or laws rest on old figures.

        A planned window that did not begin calls by ``window-missing``, as every window does.
        """
        for name, step, meaning in (
            ("planner-failed", "planner", "windows of releases could not be planned"),
            ("sources-failed", "sources", "the offices that publish figures could not be read"),
        ):
            found = self._windows.steps[step].function.metric_errors(period=MINUTE)
            self._alarm(name, found, meaning)
        self._alarm(
            "sources-stale",
            self._own("sources", "SourcesStale", "Maximum"),
            "an office did not answer in time, or its figure is overdue",
        )
        self._alarm(
            "sources-old",
            self._own("sources", "OldestSourceHours", "Maximum"),
            f"a source has said nothing for {OLDEST_SOURCE:g} hours; windows are about to be "
            "refused",
            threshold=OLDEST_SOURCE,
        )

    def _tell_of_failed_jobs(self) -> None:
        rule = events.Rule(
            self,
            "JobFailed",
            description=_description("job-failed", "a job of research failed for good"),
            event_pattern=events.EventPattern(
                source=["aws.batch"],
                detail_type=["Batch Job State Change"],
                detail={
                    "status": ["FAILED"],
                    "jobQueue": [self._research.queue.job_queue_arn],
                },
            ),
        )
        rule.add_target(targets.SnsTopic(self.topic))
        acknowledge(
            rule,
            "Serverless-EventBusDLQ",
            "Delivery to the topic is tried for a day; the evening's numbers then miss as well.",
        )

    def _watch_the_bill(self, stage: Stage) -> None:
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        told = budgets.CfnBudget.SubscriberProperty(
            address=self.topic.topic_arn, subscription_type="SNS"
        )
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=stage.prefix,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=BUDGET[stage.name], unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[told],
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )

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
        rows = [self._windows_row(), self._feed_row(), self._quotes_row(), self._day_row()]
        if stage.macro:
            rows.append(self._releases_row())
        for row in rows:
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
        yield self._lateness_histogram()
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

    def _day_row(self) -> Iterator[cloudwatch.GraphWidget]:
        own = self._own
        yield _graph(
            "Claimed and realised, dollars a day",
            own("day", "EvClaimed"),
            own("day", "Realised"),
        )
        yield _graph(
            "Fills predicted and had; minutes at risk",
            own("day", "FillsPredicted"),
            own("day", "FillsHad"),
            own("day", "MinutesAtRisk"),
        )
        yield _graph(
            "Age of the parameters, days; the month's bill, dollars",
            own("preflight", "ParametersAge", "Maximum"),
            cloudwatch.Metric(
                namespace="AWS/Billing",
                metric_name="EstimatedCharges",
                dimensions_map={"Currency": "USD"},
                statistic="Maximum",
                period=Duration.hours(6),
                region="us-east-1",  # the bill of all regions is kept in this one
                label="bill",
            ),
            limit=OLDEST_PARAMETERS,
        )

    def _releases_row(self) -> Iterator[cloudwatch.GraphWidget]:
        own = self._own
        yield _graph(
            "Planned windows of releases",
            *(own("planner", name) for name in ("Planned", "PlansCancelled", "PlansLeftOut")),
            own("rollcall", "WindowMissing"),
        )
        yield _graph(
            "Sources of figures, read and stale",
            own("sources", "SourcesRead"),
            own("sources", "SourcesStale", "Maximum"),
        )
        yield _graph(
            "Oldest source of a figure, hours",
            own("sources", "OldestSourceHours", "Maximum"),
            limit=OLDEST_SOURCE,
        )

    def _lateness_histogram(self) -> cloudwatch.GraphWidget:
        """Show which share of the pulls was confirmed in each part of the last two seconds."""
        shares = [
            self._own("cancel", "PullLateness", f"PR({low:g}:{high:g})").with_(
                label=f"{low:g} to {high:g} s", period=Duration.days(1)
            )
            for low, high in itertools.pairwise(LATENESS)
        ]
        return cloudwatch.GraphWidget(
            title="Pull confirmed, seconds from the fixing: share of the day's pulls, percent",
            left=shares,
            view=cloudwatch.GraphWidgetView.BAR,
            width=8,
            height=6,
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
