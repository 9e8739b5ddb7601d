"""Every role of the templates as rows of a table: what it may do, on what, and only if.

``python -m tests.infra.roles`` prints the two tables that SECURITY.md holds, and with ``--write``
puts them there: the roles of the stage live, and what trading releases adds to them.
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
BEGIN_ADDED, END_ADDED = "<!-- roles of releases:begin -->", "<!-- roles of releases:end -->"
RELEASES = {"families": "macro", "contact": "desk@example.org"}
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


def added(found: list[Row], without: list[Row]) -> list[Row]:
    """Return the rows that are not among those of another set of templates."""
    return [row for row in found if row not in without]


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
    lambdas = {
        *("Start", "Rollcall", "Preflight", "Scan", "Quote", "Cancel", "Reconcile"),
        *("Planner", "Sources"),
    }
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
    """Print or write the tables of the stage that may trade."""
    first = _synthesised({"stage": "live"})
    more = added(_synthesised({"stage": "live", **RELEASES}), first)
    if "--write" not in sys.argv:
        sys.stdout.write(f"{table(first)}\n\n{table(more)}\n")
        return
    page = Path(__file__).resolve().parents[2] / "SECURITY.md"
    text = page.read_text(encoding="utf-8")
    for begin, end, found in ((BEGIN, END, first), (BEGIN_ADDED, END_ADDED, more)):
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{table(found)}\n{end}{after}"
    page.write_text(text, encoding="utf-8")


def _synthesised(context: dict[str, str]) -> list[Row]:
    from stacks.build import build, make_app
    from stacks.bundling import stage_function
    from stacks.functions import Assets

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layer, staged, out = folder / "layer", folder / "functions", folder / "out"
        layer.mkdir()
        staged.mkdir()
        (layer / "stand-in").touch()
        app = make_app(context, out)
        build(app, Assets(layer=lambda: layer, function=lambda step: stage_function(step, staged)))
        app.synth()
        return rows({s: json.loads((out / f"{s}.template.json").read_text()) for s in STACKS})


if __name__ == "__main__":
    main()
