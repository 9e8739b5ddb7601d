"""Both stages are synthesised once a session, without fetching a single wheel."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stacks.build import build, make_app
from stacks.bundling import stage_function
from stacks.functions import Assets
from tests.infra.roles import RELEASES

HERE = Path(__file__).parent
STACKS = ("Storage", "Windows", "Sentry", "Research", "Observability")


def pytest_collection_modifyitems(config, items):
    if config.pluginmanager.hasplugin("xdist"):  # one worker synthesises for all of them
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.xdist_group("infra"))


@dataclass(frozen=True)
class Synthesised:
    """The written templates of one stage."""

    folder: Path
    templates: dict[str, dict[str, Any]]

    def resources(self, kind: str, stack: str = "") -> dict[str, dict[str, Any]]:
        """Return the resources of a CloudFormation type by ``Stack/LogicalId``."""
        return {
            f"{title}/{name}": found
            for title, template in self.templates.items()
            if stack in ("", title)
            for name, found in template["Resources"].items()
            if found["Type"] == kind
        }

    def function(self, step: str) -> dict[str, Any]:
        """Return the properties of a step's Lambda function."""
        found = self.resources("AWS::Lambda::Function").values()
        return next(
            f["Properties"] for f in found if f["Properties"]["FunctionName"].endswith(step)
        )

    def statements(self, role_of: str) -> list[dict[str, Any]]:
        """Return the policy statements of the role whose ``Stack/LogicalId`` begins so."""
        return [
            statement
            for name, policy in self.resources("AWS::IAM::Policy").items()
            if name.startswith(role_of)
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory):
    """Return a function that writes a stage's templates."""
    staged = tmp_path_factory.mktemp("functions")
    layer = tmp_path_factory.mktemp("layer")
    (layer / "stand-in").touch()

    def write(**context: str) -> Synthesised:
        folder = tmp_path_factory.mktemp("cdk.out")
        app = make_app(context, folder)
        build(app, Assets(layer=lambda: layer, function=lambda name: stage_function(name, staged)))
        app.synth()
        templates = {
            name: json.loads((folder / f"{name}.template.json").read_text()) for name in STACKS
        }
        return Synthesised(folder, templates)

    return write


@pytest.fixture(scope="session")
def paper(synthesise) -> Synthesised:
    """The default stage."""
    return synthesise()


@pytest.fixture(scope="session")
def releases(synthesise) -> Synthesised:
    """The stage that may trade, with the families that wait for a release."""
    return synthesise(stage="live", **RELEASES)


@pytest.fixture(scope="session")
def live(synthesise) -> Synthesised:
    """The stage that may trade once it is armed."""
    return synthesise(stage="live")
