"""Put the stacks together."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from kalshi_alpha.markets.registry import Registry, load_registry
from stacks.bundling import ROOT
from stacks.functions import Assets
from stacks.momentum import MomentumStack
from stacks.observability import ObservabilityStack
from stacks.research import ResearchStack
from stacks.sentry import SentryStack
from stacks.stage import Stage, stage_from
from stacks.storage import StorageStack
from stacks.windows import WindowsStack


@dataclass(frozen=True, slots=True)
class Stacks:
    """The stacks of one stage."""

    stage: Stage
    storage: StorageStack
    windows: WindowsStack
    sentry: SentryStack
    research: ResearchStack
    observability: ObservabilityStack
    momentum: MomentumStack | None = None  # where a city group is quoted


def make_app(context: Mapping[str, Any] | None = None, outdir: Path | None = None) -> App:
    """Return an app with the feature flags of ``cdk.json`` and the security rules attached.

    CDK's own command line passes both; without it they are read here.
    """
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    folder = str(outdir) if outdir else os.environ.get("CDK_OUTDIR", str(ROOT / "cdk.out"))
    app = App(context=flags | dict(context or {}), outdir=folder)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return app


def build(app: App, assets: Assets | None = None, registry: Registry | None = None) -> Stacks:
    """Add the stacks of the stage that the app's context asks for.

    No account and no region is named: the templates fit whichever they are deployed to.
    """
    stage = stage_from(app.node)
    storage = StorageStack(app, stage)
    windows = WindowsStack(
        app,
        stage,
        storage=storage,
        registry=registry or load_registry(),
        assets=assets or Assets(),
    )
    sentry = SentryStack(
        app,
        stage,
        storage=storage,
        dead_letters=windows.dead_letters,
        schedule_group=windows.schedule_group,
    )
    research = ResearchStack(
        app,
        stage,
        storage=storage,
        vpc=sentry.vpc,
        machine=windows.machine,
        dead_letters=windows.dead_letters,
        schedule_group=windows.schedule_group,
    )
    observability = ObservabilityStack(
        app, stage, storage=storage, windows=windows, research=research
    )
    momentum = None
    if stage.momentum:
        momentum = MomentumStack(
            app,
            stage,
            storage=storage,
            vpc=sentry.vpc,
            dead_letters=windows.dead_letters,
            schedule_group=windows.schedule_group,
            topic=observability.topic,
        )
    return Stacks(stage, storage, windows, sentry, research, observability, momentum)
