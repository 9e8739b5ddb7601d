"""Every role of the templates as rows of a table: what it may do, on what, and only if.

``python -m tests.infra.roles`` prints the table that SECURITY.md holds, and with ``--write`` puts
it there.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

STACKS = ("Windows", "Sentry", "Research")
BEGIN, END = "<!-- roles:begin -->", "<!-- roles:end -->"
HEAD = "| role | may | on | only if |\n| --- | --- | --- | --- |"
Row = tuple[str, str, str, str]

_HASH = re.compile(r"(?:[0-9A-F]{8})$")
_EXPORT = re.compile(r"ExportsOutput(?:FnGetAtt|Ref)(.+?)[0-9A-F]{8}(?:Arn[0-9A-F]{8})?$")


def rows(templates: dict[str, dict[str, Any]]) -> list[Row]:
    """Return one row a statement of every role, in the order of the stacks."""
    found: list[Row] = []
    for stack in STACKS:
        resources = templates[stack]["Resources"]
        for policy in (r for r in resources.values() if r["Type"] == "AWS::IAM::Policy"):
            properties = policy["Properties"]
            (role,) = properties["Roles"]
            for statement in properties["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                found.append(_row(_role(stack, role["Ref"]), statement))
    return found


def table(found: list[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [HEAD, *(f"| {' | '.join(cell or '-' for cell in row)} |" for row in found)]
    return "\n".join(lines)


def _row(role: str, statement: dict[str, Any]) -> Row:
    known = {"Action", "Resource", "Effect", "Condition"}
    assert set(statement) <= known, f"{role}: a statement with {set(statement) - known}"
    actions = ", ".join(_listed(statement["Action"]))
    resources = ", ".join(f"`{_name(r)}`" for r in _listed(statement["Resource"]))
    return role, actions, resources, _condition(statement.get("Condition", {}))


def _role(stack: str, logical_id: str) -> str:
    name = _HASH.sub("", logical_id)
    if stack == "Sentry" and name == "TaskTaskRole":
        return "sentry"
    lambdas = {"Start", "Rollcall", "Preflight", "Scan", "Quote", "Cancel", "Reconcile"}
    short = name.removesuffix("Role")
    if stack == "Research" and short in {"Day", "Grade", "Refit", "Facts", "Sweep"}:
        return f"job {short.lower()}"
    return short.lower() if short in lambdas else f"{stack.lower()} {name}"


def _name(resource: Any) -> str:
    """Return the resource's name: logical without its hash, or what is left of an ARN."""
    if isinstance(resource, str):
        return resource
    ((kind, value),) = resource.items()
    if kind == "Fn::Join":
        text = "".join(p if isinstance(p, str) else "" for p in value[1])
        return text.rsplit(":", 1)[-1].replace("--/", "/")
    if kind == "Fn::ImportValue":
        found = _EXPORT.search(value)
        assert found is not None, value
        return found[1]
    return _HASH.sub("", value if kind == "Ref" else value[0])


def _condition(condition: dict[str, dict[str, Any]]) -> str:
    words = []
    for operator, tests in condition.items():
        for key, values in tests.items():
            said = ", ".join(_service(v) for v in _listed(values))
            words.append(f"{operator} {key}: {said}")
    return "; ".join(words)


def _service(value: Any) -> str:
    if isinstance(value, str):
        return f"`{value}`"
    ((kind, inner),) = value.items()
    if kind == "Fn::Join":
        return f"`{str(inner[1][0]).rstrip('.')}`"
    return f"`{_HASH.sub('', inner if kind == 'Ref' else inner[0])}`"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def main() -> None:
    """Print or write the table of the stage that may trade."""
    from stacks.build import build, make_app
    from stacks.bundling import stage_function
    from stacks.functions import Assets

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layer, staged, out = folder / "layer", folder / "functions", folder / "out"
        layer.mkdir()
        staged.mkdir()
        (layer / "stand-in").touch()
        app = make_app({"stage": "live"}, out)
        build(app, Assets(layer=lambda: layer, function=lambda step: stage_function(step, staged)))
        app.synth()
        templates = {s: json.loads((out / f"{s}.template.json").read_text()) for s in STACKS}
    found = table(rows(templates))
    if "--write" not in sys.argv:
        sys.stdout.write(found + "\n")
        return
    page = Path(__file__).resolve().parents[2] / "SECURITY.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{found}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
