"""The command tree."""

from __future__ import annotations

import typer

from kalshi_alpha import __version__
from kalshi_alpha.cli import (
    campaign,
    cost,
    evidence,
    explain,
    facts,
    job,
    ledger,
    market,
    momentum,
    operate,
    pilot,
    plan,
    rehearse,
    report,
    research_backtest,
    research_data,
    research_fit,
    research_macro,
    research_market,
    research_pairs,
    research_replay,
    research_score,
    research_temperature,
    risk,
    run,
    simulate,
    sweep,
)
from kalshi_alpha.cli.many import ManyCommand
from kalshi_alpha.markets.traded import ALL, INDEX, MACRO, trade

app = typer.Typer(
    name="kalshi-alpha",
    help=(
        "Quote Kalshi index ladders maker-only, be out two seconds before the fixing, and rehearse "
        "all of it on a laptop. Nothing here trades by default."
    ),
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    epilog=(
        "Exit codes: 0 done, 1 a check found differences, 2 usage or configuration, 3 a rule said "
        "no, 4 data unusable, 5 venue or service failed, 6 books contradict themselves."
    ),
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"kalshi-alpha {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_version,
        is_eager=True,
        help="Print the version and stop.",
    ),
    family: str = typer.Option(
        INDEX,
        "--family",
        envvar="KALSHI_ALPHA_FAMILIES",
        help="What is traded: index, macro for the releases, or all. It goes before the command.",
    ),
) -> None:
    """Hold the options that belong to no command."""
    del version
    trade(*((INDEX, MACRO) if family == ALL else (family,)))


app.command("rehearse")(rehearse.rehearse)
app.command("campaign")(campaign.campaign)
app.add_typer(simulate.app, name="simulate")
app.command("windows")(market.windows)
app.command("plan")(plan.plan)
app.command("price")(market.price)
app.command("explain")(explain.explain)
app.command("fees")(market.fees)
app.add_typer(momentum.app, name="momentum")
app.add_typer(report.app, name="report")
app.add_typer(facts.app, name="facts")
app.add_typer(run.app, name="run")
app.command("scan")(run.scan)
app.command("monitors")(run.monitors)
app.command("preflight")(operate.preflight)
app.command("risk")(risk.risk)
app.add_typer(operate.kill, name="kill")
app.add_typer(ledger.app, name="ledger")
app.command("doctor")(operate.doctor)
app.command("cancel-all")(operate.cancel_all)
app.command("readiness")(evidence.readiness)
app.command("scoreboard")(evidence.scoreboard)
app.command("grade")(evidence.grade)
app.add_typer(evidence.honesty, name="honesty")
app.add_typer(pilot.app, name="pilot")
app.command("cost")(cost.cost)
app.add_typer(job.app, name="job")
app.add_typer(research_data.app, name="data")
app.add_typer(research_fit.app, name="calibrate")
app.add_typer(research_macro.app, name="macro")
app.command("score", cls=ManyCommand)(research_score.score)
app.command("correlation", cls=ManyCommand)(research_pairs.correlation)
app.command("score-market", cls=ManyCommand)(research_market.score_market)
app.add_typer(research_replay.app, name="replay")
app.command("backtest", cls=ManyCommand)(research_backtest.backtest)
app.add_typer(research_backtest.fills_app, name="fills")
app.add_typer(research_temperature.app, name="temperature")
app.add_typer(sweep.app, name="sweep")
app.command("look-ahead", cls=ManyCommand)(research_backtest.look_ahead)
