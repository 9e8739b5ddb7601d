"""Where a module can be broken, and how: small mistakes that a person might make.

==================  =========================================================
``comparison``      ``<`` for ``>``, ``==`` for ``!=``, ``in`` for ``not in``
``boundary``        ``<`` for ``<=``, a whole number one too large
``guard``           an ``if`` that raises, returns or goes on, never taken
``condition``       an ``if`` turned round
``junction``        ``and`` for ``or``
``negation``        a ``not`` left out
``sign``            ``+`` for ``-``, a minus left out
``answer``          ``return None`` for what was to be returned
``refusal``         a ``raise`` left out
``call``            a statement that only calls something left out
==================  =========================================================

Texts, annotations, defaults of records' fields that are texts, and whatever only describes a value
to a person are left alone: breaking those proves nothing about money.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_EDGE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_SIGN: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
_LEAVES = (ast.Raise, ast.Return, ast.Continue, ast.Break)
_DESCRIBING = frozenset({"__repr__", "__str__"})


@dataclass(frozen=True, slots=True)
class Site:
    """One place and one mistake; ``apply`` makes it in the tree that the site was found in."""

    line: int
    kind: str
    what: str
    apply: Callable[[], None]


def sites(tree: ast.Module) -> list[Site]:
    """Return every mistake that can be made in a module, in the order of its text."""
    found = list(_visit(tree))
    return sorted(found, key=lambda site: site.line)


def broken(source: str, number: int) -> tuple[ast.Module, Site]:
    """Return the module's tree with the mistake of that number in it."""
    tree = ast.parse(source)
    site = sites(tree)[number]
    site.apply()
    return ast.fix_missing_locations(tree), site


def _visit(node: ast.AST) -> Iterator[Site]:
    if isinstance(node, ast.FunctionDef) and node.name in _DESCRIBING:
        return
    yield from _here(node)
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params", "msg", "exc"}:
            continue
        if isinstance(node, ast.JoinedStr | ast.Assert) or _is_typing(node):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _visit(child)


def _is_typing(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"TypeVar", "cast"}
    )


def _here(node: ast.AST) -> Iterator[Site]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield from _statements(block)
    if isinstance(node, ast.Compare):
        yield from _comparisons(node)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield Site(node.lineno, "junction", _text(node), _setting(node, "op", other))
    elif isinstance(node, ast.BinOp) and type(node.op) in _SIGN and not _is_text(node):
        other_sign = _SIGN[type(node.op)]()
        yield Site(node.lineno, "sign", _text(node), _setting(node, "op", other_sign))
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        larger = node.value + 1
        yield Site(node.lineno, "boundary", f"{node.value}", _setting(node, "value", larger))
    yield from _unary(node)


def _unary(node: ast.AST) -> Iterator[Site]:
    for name, value in ast.iter_fields(node):
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.UnaryOp):
                continue
            kinds = {ast.Not: "negation", ast.USub: "sign"}
            kind = kinds.get(type(child.op))
            if kind is None:
                continue
            if isinstance(value, list):
                apply = _placing(value, place, child.operand)
            else:
                apply = _setting(node, name, child.operand)
            yield Site(child.lineno, kind, _text(child), apply)


def _comparisons(node: ast.Compare) -> Iterator[Site]:
    for place, op in enumerate(node.ops):
        for kind, table in (("comparison", _OPPOSITE), ("boundary", _EDGE)):
            if type(op) in table:
                apply = _placing(node.ops, place, table[type(op)]())
                yield Site(node.lineno, kind, _text(node), apply)


def _statements(block: list[Any]) -> Iterator[Site]:
    for place, statement in enumerate(block):
        if isinstance(statement, ast.If):
            guard = isinstance(statement.body[-1], _LEAVES) and not statement.orelse
            wrong = ast.Constant(value=False) if guard else ast.UnaryOp(ast.Not(), statement.test)
            kind = "guard" if guard else "condition"
            apply = _setting(statement, "test", wrong)
            yield Site(statement.lineno, kind, f"if {_text(statement.test)}", apply)
        elif isinstance(statement, ast.Return) and not _is_none(statement.value):
            nothing = ast.Constant(value=None)
            apply = _setting(statement, "value", nothing)
            yield Site(statement.lineno, "answer", _text(statement), apply)
        elif isinstance(statement, ast.Raise):
            apply = _placing(block, place, ast.Pass())
            yield Site(statement.lineno, "refusal", _text(statement), apply)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call | ast.Await):
            apply = _placing(block, place, ast.Pass())
            yield Site(statement.lineno, "call", _text(statement), apply)


def _setting(node: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(node, name, value)


def _placing(values: list[Any], place: int, value: Any) -> Callable[[], None]:
    return lambda: values.__setitem__(place, value)


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def _is_text(node: ast.BinOp) -> bool:
    parts = (node.left, node.right)
    return any(
        isinstance(p, ast.JoinedStr) or (isinstance(p, ast.Constant) and isinstance(p.value, str))
        for p in parts
    )


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:90]
