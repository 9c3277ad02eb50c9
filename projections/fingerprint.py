"""What a projection's states depend on beside the events: its code, its settings, the upcasters of what it reads.

A kept state bears the fingerprint that made it, so a changed reducer never goes on from a state of the old one.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from hashlib import sha256
from importlib.util import resolve_name

from projections import state_text, upcasting
from projections.types import Projection
from projections.upcasting import Chains, Upcaster

_CORE = __name__.rpartition(".")[0]


def fingerprint(projection: Projection) -> str:
    """64 hex digits. Comments, docstrings and white space don't count; the order of handlers doesn't either.

    Code is that of the modules in which the projection stands, its handlers, its key and its upcasters, and of what
    these import from their own package. (What a handler calls elsewhere is not seen: raise `version` when its meaning
    changes.)
    """
    return _fingerprint(projection, upcasting.current())


@lru_cache(maxsize=1_024)
def _fingerprint(projection: Projection, chains: Chains) -> str:
    upcasters = _upcasters(projection, chains)
    declared = (
        projection.name,
        str(projection.version),
        projection.key.name,
        projection.query,
        state_text.dumps(projection.initial),
        state_text.dumps(projection.settings),
        *sorted(f"{type}={handler.__qualname__}" for type, handler in projection.handlers.items()),
        *sorted(f"{each}={each.upcast.__qualname__}" for each in upcasters),
        *code(projection, chains),
    )
    return sha256("\0".join(declared).encode()).hexdigest()


def code(projection: Projection, chains: Chains) -> list[str]:
    """The code of all modules that count, each as it was when first asked for."""
    functions = [*projection.handlers.values(), projection.key.of]
    functions += [each.upcast for each in _upcasters(projection, chains)]
    names = {each.__module__ for each in functions} | ({projection.module} if projection.module else set())
    return [_code(name) for name in _with_imports(names)]


def _upcasters(projection: Projection, chains: Chains) -> list[Upcaster]:
    return [each for each in chains.declared if projection.handler(each.type)]


def _with_imports(names: Iterable[str]) -> list[str]:
    """The modules and those that they import from their own package, and so on. The core itself is none of them."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        if name in found or _is_core(name):
            continue
        found.add(name)
        waiting |= _imports(name)
    return sorted(found)


def _is_core(name: str) -> bool:
    """What decodes and folds: tested to mean the same, it changes no state."""
    return name == _CORE or name.rpartition(".")[0] == _CORE


@cache
def _code(name: str) -> str:
    return ast.unparse(_WithoutDocstrings().visit(_tree(name)))


@cache
def _imports(name: str) -> set[str]:
    package = _package(name)
    prefix = f"{package or name}."
    return {each for each in _imported(_tree(name), package) if each in sys.modules and each.startswith(prefix)}


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Every name that an import may mean as a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            yield module
            yield from (f"{module}.{each.name}" for each in node.names)


def _package(name: str) -> str:
    return sys.modules[name].__package__ or ""


def _tree(name: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[name]))


class _WithoutDocstrings(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [each for each in node.body if not _is_text(each)] or [ast.Pass()]
        return node


def _is_text(statement: ast.stmt) -> bool:
    """A docstring, or a text beneath an attribute that describes it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
