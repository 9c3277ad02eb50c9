"""The fingerprint of a projection: a hash of its code, its settings and the upcasters of the events that it reads.

A kept state carries the fingerprint of the code that made it, so a changed reducer never continues from a state that
the old reducer made. The path of a module and its import statements are not part of the hash: a module may move.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from hashlib import sha256
from importlib.util import resolve_name

from projections.definition import upcasting
from projections.definition.projection import Projection
from projections.definition.upcasting import Chains, Upcaster
from projections.values import exact_json

_CORE = "projections."
CATALOG = "projections.catalog."


def fingerprint(projection: Projection) -> str:
    """The fingerprint as 64 hex digits.

    Comments, docstrings, white space, import statements, module paths and the order of handlers don't change it. The
    code is that of the modules in which the projection, its handlers, its key and its upcasters stand, and of the
    modules that these import from their own package. Code that a handler calls elsewhere is not seen: raise `version`
    when its meaning changes.
    """
    return _fingerprints(projection, upcasting.current())[0]


def own_fingerprint(projection: Projection) -> str:
    """The fingerprint without the code of the catalogue: if it is unchanged, only the catalogue may have changed."""
    return _fingerprints(projection, upcasting.current())[1]


@lru_cache(maxsize=1_024)
def _fingerprints(projection: Projection, chains: Chains) -> tuple[str, str]:
    own_codes = [_code(name) for name in module_names(projection, chains) if not name.startswith(CATALOG)]
    return digest(projection, chains, module_codes(projection, chains)), digest(projection, chains, sorted(own_codes))


def digest(projection: Projection, chains: Chains, module_codes: Iterable[str]) -> str:
    """Return the hash over a projection's declaration and over the code of its modules, in this order."""
    upcasters = _upcasters(projection, chains)
    declaration = (
        projection.name,
        str(projection.version),
        projection.key.name,
        projection.query,
        exact_json.dumps(projection.initial),
        exact_json.dumps(projection.settings),
        *sorted(f"{type}={handler.__qualname__}" for type, handler in projection.handlers.items()),
        *sorted(f"{upcaster}={upcaster.upcast.__qualname__}" for upcaster in upcasters),
        *module_codes,
    )
    return sha256("\0".join(declaration).encode()).hexdigest()


def module_codes(projection: Projection, chains: Chains) -> list[str]:
    """Return the code of all modules that count, in canonical form, as it was when it was first read."""
    return sorted(_code(name) for name in module_names(projection, chains))


def module_names(projection: Projection, chains: Chains) -> list[str]:
    """Return the names of the modules whose code counts, sorted."""
    functions = [*projection.handlers.values(), projection.key.of]
    functions += [each.upcast for each in _upcasters(projection, chains)]
    names = {each.__module__ for each in functions} | ({projection.module} if projection.module else set())
    return _with_imports(names)


def _upcasters(projection: Projection, chains: Chains) -> list[Upcaster]:
    return [each for each in chains.upcasters if projection.handler(each.type)]


def _with_imports(names: Iterable[str]) -> list[str]:
    """Return some modules, the modules that these import from their own package, and so on, without the core's."""
    counted_names: set[str] = set()
    queue = set(names)
    while queue:
        name = queue.pop()
        if name in counted_names or _is_core(name):
            continue
        counted_names.add(name)
        queue |= _imports(name)
    return sorted(counted_names)


def _is_core(name: str) -> bool:
    """Whether a module belongs to the core, which decodes and folds: tests hold its meaning, so it changes no state."""
    return f"{name}.".startswith(_CORE) and not f"{name}.".startswith(CATALOG)


@cache
def _code(name: str) -> str:
    """Return a module's code as text that is the same in every version of Python, without docstrings and imports."""
    return canonical_syntax(_WithoutImports().visit(without_docstrings(syntax_tree(name))))


def without_docstrings(module: ast.Module) -> ast.Module:
    """Return the module without the texts that describe its functions, classes and attributes."""
    bare_module: ast.Module = _WithoutDocstrings().visit(module)
    return bare_module


def canonical_syntax(node: object) -> str:
    """Return a syntax tree as text, without empty fields, as later versions of Python add such fields."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value is not None and value != [])
        return f"{type(node).__name__}({','.join(f'{name}={canonical_syntax(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(canonical_syntax, node))}]"
    return repr(node)


@cache
def _imports(name: str) -> set[str]:
    package = _package(name)
    prefix = f"{package or name}."
    return {each for each in _imported(syntax_tree(name), package) if each in sys.modules and each.startswith(prefix)}


def _imported(syntax_tree: ast.AST, package: str) -> Iterator[str]:
    """Yield every name that an import may mean as a module."""
    for node in ast.walk(syntax_tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            yield module
            yield from (f"{module}.{each.name}" for each in node.names)


def _package(name: str) -> str:
    return sys.modules[name].__package__ or ""


def syntax_tree(name: str) -> ast.Module:
    """Return the syntax tree of a module that is loaded."""
    return ast.parse(inspect.getsource(sys.modules[name]))


class _WithoutImports(ast.NodeTransformer):
    """Removes import statements, and an `if TYPE_CHECKING:` that holds nothing else."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_If(self, node: ast.If) -> ast.If | None:
        self.generic_visit(node)
        return node if node.body or node.orelse else None


class _WithoutDocstrings(ast.NodeTransformer):
    """Removes docstrings, and the texts below attributes that describe them."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [each for each in node.body if not _is_text(each)] or [ast.Pass()]
        return node


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a docstring, or a text below an attribute that describes it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
