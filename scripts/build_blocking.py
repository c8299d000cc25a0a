#!/usr/bin/env python3
"""Makes `sessions/blocking/` of the asynchronous classes: run it after a change of a public method's signature.

scripts/build_blocking.py            writes the files
scripts/build_blocking.py --check    tells which are not current, and fails if any
"""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import sessions  # noqa: E402 - of this folder
from sessions.session.part import SessionPart  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCRIPT = "scripts/build_blocking.py"
PACKAGE = "sessions.blocking"
LINE = 120
DRIVING = f"{PACKAGE}.driving"

CLASSES = (
    "sessions.session.base.LogSession",
    "sessions.session.branches.Branches",
    "sessions.session.usage.usage.SessionUsage",
    "sessions.memories.memories.Memories",
    "sessions.store.store.Store",
    "sessions.store.sweeper.Sweeper",
    "sessions.sqlite.SQLiteSession",
    "sessions.sqlalchemy.SQLAlchemySession",
    "sessions.encrypted.EncryptedSession",
    "sessions.encrypted.EncryptedAdvancedSession",
    "sessions.compat.advanced_sqlite.AdvancedSQLiteSession",
    "sessions.compat.advanced_sqlalchemy.AdvancedSQLAlchemySession",
)
"""The classes that get a counterpart, with those of their bases that have public methods.

Here and below, a class is named with its module: classes of two modules may have one name.
"""

FUNCTIONS = ("sessions.store.opening.open_store",)

CONSTRUCTED = {
    "sessions.sqlite.SQLiteSession": "_SQLiteSession",
    "sessions.sqlalchemy.SQLAlchemySession": "",
    "sessions.encrypted.EncryptedSession": "",
    "sessions.compat.advanced_sqlite.AdvancedSQLiteSession": "",
}
"""The classes that users make, and the class whose constructor they have if it is not their own."""

BASES = {"sessions.store.store.Store": "Entered", "sessions.store.sweeper.Sweeper": "Entered"}
"""Bases beside those of the asynchronous class."""

BY_HAND = {"sessions.session.part"}
"""Modules whose classes have a counterpart in `sessions/blocking/objects.py`."""

BY_HAND_METHODS = {"close", "aclose", "session_settings", "run_compaction", "engine"}
"""Methods of sessions with a counterpart there, or that make no sense without an event loop."""

BEGINNING = {"sessions.store.sweeper.Sweeper.start"}
"""Methods that are no coroutines, but begin something on an event loop."""

LEFT_OUT = {
    "sessions.sqlite.AsyncSQLiteSession",
    "sessions.protocol.Session",
    "sessions.encrypted.EncryptedLogSession",
    "sessions.encrypted.EncryptedForeignSession",
}
"""Classes without a counterpart: they differ from others only in being asynchronous, or no user makes them."""

OTHERS = {"Compaction": f"{PACKAGE}.settings"}
"""Further names of this package with another meaning here."""

MORE = {
    "sessions.encrypted.EncryptedSession": (
        "        flat = isinstance(self._async, sessions.encrypted.EncryptedAdvancedSession)",
        "        if flat and type(self) is EncryptedSession:",
        "            self.__class__ = EncryptedAdvancedSession",
    )
}
"""Further lines of constructors."""

SESSION = "sessions.session.base.LogSession"
VERIFICATION = "sessions.session.verifying.Verification"

UNWRAPPED = {SESSION, "sessions.protocol.Session", "sessions.store.store.Store"}
"""The classes of parameters that may be given a counterpart."""

SESSIONS = {"underlying_session", "source", "target"}
"""Parameters of any type that may be sessions of this package."""

WRAPPED = {
    SESSION,
    VERIFICATION,
    "sessions.session.branches.Branches",
    "sessions.session.usage.usage.SessionUsage",
    "sessions.memories.memories.Memories",
    "sessions.store.store.Store",
    "sessions.store.sweeper.Sweeper",
}
"""The classes of results that get a counterpart."""

WORDS: tuple[tuple[str, str], ...] = (
    (r"await Runner\.run\((.*?)session=(\w+)", r"Runner.run_sync(\1session=\2.asynchronous"),
    (r"\(await ((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)(?=[.\[])", r"\1"),
    (r"\bawait ", ""),
    (r"\basync (with|for|def)\b", r"\1"),
    (r"\basync for\b", "for"),
    (r"\b([Aa])n asynchronous (iterator|context manager)", r"\1n \2"),
    (r"\bA?n? ?asynchronous function\b", "A function"),
    (r"\bcontextlib\.aclosing\b", "contextlib.closing"),
    (r", or `summarise` is not asynchronous", ""),
    (r" It may be asynchronous, and then nothing waits for\s+it but `Store\.close`\.", ""),
    (r" Engine and session\s+belong to one event loop\.", "\n            See docs/without-asyncio.md."),
    (r"Any number of tasks, threads and event loops may", "Any number of threads may"),
    (r"\ban asynchronous context\b", "a context"),
    (r"Start in the running event loop\.", "Start in the background."),
    (r"`SQLiteSession` and `AsyncSQLiteSession`", "`SQLiteSession`"),
    (r", usable from any event loop", ""),
    (r"share one engine in each event loop", "share one engine"),
)
"""How docstrings change."""


@dataclass
class Module:
    """A module in the making.

    Attributes:
        source: The module with the asynchronous classes.
        runtime: Imports that are needed when it runs: pairs of module and name.
        typed: Imports for annotations alone.
    """

    source: str
    runtime: set[tuple[str, str]] = field(default_factory=set)
    typed: set[tuple[str, str]] = field(default_factory=set)
    parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        path = ROOT.joinpath(*self.source.split(".")).with_suffix(".py")
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.known = dict(_imports(self.tree))
        own = (node for node in self.tree.body if not isinstance(node, (ast.Import, ast.ImportFrom)))
        self.known |= {name: (self.source, name) for node in own for name in _defined(node)}

    @property
    def name(self) -> str:
        """The name of the module that is made."""
        return f"{PACKAGE}.{self.source.removeprefix('sessions.')}"

    def node(self, name: str) -> ast.ClassDef | ast.FunctionDef:
        """Return a class or function of the source."""
        found = (node for node in self.tree.body if getattr(node, "name", None) == name)
        return next(node for node in found if isinstance(node, (ast.ClassDef, ast.FunctionDef)))

    def need(self, node: ast.AST, *, runtime: bool) -> None:
        """Import the names of an expression."""
        for name in sorted({one.id for one in ast.walk(node) if isinstance(one, ast.Name)}):
            if hasattr(builtins, name) and name not in self.known:
                continue
            place = self.known.get(name)
            if place is None:
                raise SystemExit(f"{self.source}: where does {name} come from?")
            place = COUNTERPARTS.get(".".join(place), place)
            if place[1] not in (name, ""):
                raise SystemExit(f"{self.source}: teach {SCRIPT} about {place[1]} as {name}")
            if place[0] != self.name:
                (self.runtime if runtime else self.typed).add(place)

    def meaning(self, name: str) -> str:
        """Return a name with the module that it comes from; the name alone if it is none of the source's."""
        return ".".join(self.known.get(name, (name,)))

    def helper(self, name: str) -> str:
        """Import a helper and return its name."""
        self.runtime.add((DRIVING, name))
        return name

    def text(self) -> str:
        """Return the module's text."""
        names = [name for _, name in self.runtime | self.typed if name]
        if twice := {name for name in names if names.count(name) > 1}:
            raise SystemExit(f"{self.source}: teach {SCRIPT} about two classes of the name {twice.pop()}")
        lines = [
            f'"""{reworded(ast.get_docstring(self.tree, clean=False) or "")}',
            "",
            f"Made by {SCRIPT} from {self.source.replace('.', '/')}.py: change that, and run it again.",
            '"""',
            "",
            "from __future__ import annotations",
            "",
            "from typing import TYPE_CHECKING",
            "",
            *_import_lines(self.runtime),
            "",
        ]
        if typed := self.typed - self.runtime:
            lines += ["if TYPE_CHECKING:", *(f"    {line}" for line in _import_lines(typed)), ""]
        return "\n".join([*lines, *self.parts])


def _imports(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, (node.module or "", alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, (alias.name, "")


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _import_lines(places: Iterable[tuple[str, str]]) -> list[str]:
    return [f"from {module} import {name}" if name else f"import {module}" for module, name in sorted(places)]


def reworded(text: str) -> str:
    """Return a docstring's text without its event loops."""
    for pattern, replacement in WORDS:
        text = re.sub(pattern, replacement, text)
    lines: list[str] = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        if lines and len(lines[-1]) > LINE and lines[-1].startswith(indent) and line.strip():
            # The rest of a line that became too long begins the next one.
            wrapped = textwrap.wrap(lines.pop(), LINE, drop_whitespace=True, subsequent_indent=indent)
            lines += [*wrapped[:-1], f"{wrapped[-1]} {line.strip()}"]
        else:
            lines.append(line)
    return "\n".join(
        part
        for line in lines
        for part in (textwrap.wrap(line, LINE, subsequent_indent=line[: len(line) - len(line.lstrip())]) or [line])
    )


def _docstring(node: Any, indent: str) -> list[str]:
    text = ast.get_docstring(node, clean=False)
    return [] if text is None else [f'{indent}"""{reworded(text)}"""']


class _Retyped(ast.NodeTransformer):
    """Annotations without event loops."""

    NAMES: ClassVar = {
        "AbstractAsyncContextManager": ("contextlib", "AbstractContextManager"),
        "AsyncGenerator": (DRIVING, "Steps"),
        "AsyncIterator": (DRIVING, "Steps"),
        "AsyncIterable": ("collections.abc", "Iterable"),
        "Summariser": (DRIVING, "Summariser"),
    }

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Return the name that is meant here."""
        return ast.Name(self.NAMES[node.id][1]) if node.id in self.NAMES else node


class Method:
    """One function or method in the making."""

    def __init__(self, module: Module, node: Any) -> None:
        self.module, self.node = module, node
        self.returns = ast.unparse(node.returns) if node.returns else "None"

    def signature(self) -> str:
        """Return the parameters and the result, as annotated here."""
        for place in _Retyped.NAMES.values():
            self.module.known[place[1]] = place
        arguments = _Retyped().visit(self.node.args)
        for one in self.parameters():
            if one.annotation is not None:
                # An argument that is iterated here is any iterable.
                text = ast.unparse(one.annotation).replace("Steps[", "Iterable[")
                self.module.known.setdefault("Iterable", ("collections.abc", "Iterable"))
                one.annotation = ast.parse(text, mode="eval").body
                self.module.need(one.annotation, runtime=False)
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.module.need(default, runtime=True)
        returns = _Retyped().visit(ast.parse(self.returns, mode="eval").body)
        self.module.need(returns, runtime=False)
        return f"({ast.unparse(arguments)}) -> {ast.unparse(returns)}"

    def parameters(self) -> list[ast.arg]:
        """Return all parameters."""
        args = self.node.args
        return [one for one in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg) if one]

    def arguments(self) -> str:
        """Return the arguments of the call of the asynchronous function."""
        args = self.node.args
        given = [self._given(one) for one in (*args.posonlyargs, *args.args) if one.arg not in ("self", "cls")]
        given += [f"*{args.vararg.arg}"] if args.vararg else []
        given += [f"{one.arg}={self._given(one)}" for one in args.kwonlyargs]
        given += [f"**{args.kwarg.arg}"] if args.kwarg else []
        return ", ".join(given)

    def _given(self, one: ast.arg) -> str:
        annotation = ast.unparse(one.annotation) if one.annotation else ""
        if "Summariser" in annotation:
            return f"{self.module.helper('as_summariser')}({one.arg})"
        if "Async" in annotation and "AsyncEngine" not in annotation:
            return f"{self.module.helper('stepwise')}({one.arg})"
        if "Awaitable" in annotation or "Coroutine" in annotation:
            raise SystemExit(f"{self.module.source}: teach scripts/build_blocking.py about {one.arg}: {annotation}")
        names = {node.id for node in ast.walk(one.annotation or one) if isinstance(node, ast.Name)}
        if one.arg in SESSIONS or any(self.module.meaning(name) in UNWRAPPED for name in names):
            return f"{self.module.helper('as_asynchronous')}({one.arg})"
        return one.arg

    def result(self, call: str) -> str:
        """Return the statement that calls the asynchronous function and returns its result."""
        is_generator = any(isinstance(one, (ast.Yield, ast.YieldFrom)) for one in ast.walk(self.node))
        if re.match(r"Async(Generator|Iterator)\[", self.returns) and (is_generator or not self.is_coroutine):
            return f"return {self.module.helper('Steps')}({call})"
        if self.returns.startswith("AbstractAsyncContextManager["):
            inside = self.returns.partition("[")[2][:-1]
            return f"return {self.module.helper('Block')}({call}, {self._wrap(inside)})"
        if re.search(r"Async|Awaitable|Coroutine", self.returns):
            raise SystemExit(f"{self.module.source}: teach scripts/build_blocking.py about the result {self.returns}")
        if self.is_coroutine:
            call = f"{self.module.helper('run')}({call})"
        if self.returns == "None":
            return call
        is_wrapped = self.returns == "Self" or self.module.meaning(self.returns) in WRAPPED
        return f"return {self._wrap(self.returns)}({call})" if is_wrapped else f"return {call}"

    def _wrap(self, name: str) -> str:
        if name == "Self":
            return "self._like"
        if self.module.meaning(name) == SESSION:
            self.module.runtime.add((f"{PACKAGE}.objects", "session_of"))
            return "session_of"
        self.module.need(ast.Name(name), runtime=True)
        return name

    @property
    def is_coroutine(self) -> bool:
        """Whether its result is awaited."""
        return isinstance(self.node, ast.AsyncFunctionDef)


def _method(module: Module, node: Any, of: str) -> list[str]:
    """Return the lines of a method."""
    decorators = [ast.unparse(one) for one in node.decorator_list]
    known = {"property", "classmethod"}
    if "abstractmethod" in decorators or any(".setter" in one for one in decorators):
        return []
    if unknown := [one for one in decorators if one not in known]:
        raise SystemExit(f"{module.source}: teach scripts/build_blocking.py about @{unknown[0]}")
    made = Method(module, node)
    if "classmethod" in decorators:
        module.runtime.add((module.source, ""))
        statement = f"return cls._of({module.source}.{of}.{node.name}({made.arguments()}))"
    elif "property" in decorators:
        statement = made.result(f"self._async.{node.name}")
    elif f"{module.source}.{of}.{node.name}" in BEGINNING:
        statement = f"{module.helper('run')}({module.helper('calling')}(self._async.{node.name}))"
    else:
        statement = made.result(f"self._async.{node.name}({made.arguments()})")
    return [
        *(f"    @{one}" for one in decorators),
        f"    def {node.name}{made.signature()}:",
        *_docstring(node, "        "),
        f"        {statement}",
        "",
    ]


def _class(module: Module, name: str, bases: list[tuple[str, str]], *, is_session: bool) -> None:
    node: Any = module.node(name)
    full = f"{module.source}.{name}"
    if full not in CONSTRUCTED:
        # Users get these objects from others, so arguments are not theirs to give.
        text = ast.get_docstring(node, clean=False) or ""
        node.body[0] = ast.Expr(ast.Constant(re.sub(r"\s*\n    (Args|Raises):\n(?s:.*)", "\n    ", text)))
    module.runtime |= {place for place in bases if place[0] != module.name}
    lines = [f"class {name}({', '.join(base for _, base in bases)}):", *_docstring(node, "    "), ""]
    lines += [f"    _async: {full}", ""]
    module.typed.add((module.source, ""))
    if full in CONSTRUCTED:
        owner: Any = module.node(CONSTRUCTED[full] or name)
        init = next(one for one in owner.body if getattr(one, "name", "") == "__init__")
        made = Method(module, init)
        module.runtime.add((module.source, ""))
        call = f"{full}({made.arguments()})"
        module.helper("Part")
        lines += [f"    def __init__{made.signature()}:", f"        Part.__init__(self, {call})"]
        lines += [*MORE.get(full, ()), ""]
    for one in node.body:
        is_public = isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and not one.name.startswith("_")
        if is_public and not (is_session and one.name in BY_HAND_METHODS):
            lines += _method(module, one, name)
    module.parts.append("\n".join(lines) + "\n")


def _function(module: Module, name: str, wraps: str) -> None:
    node = module.node(name)
    made = Method(module, node)
    module.runtime.add((module.source, ""))
    module.need(ast.Name(wraps), runtime=True)
    lines = [
        f"def {name}{made.signature()}:",
        *_docstring(node, "    "),
        f"    return {wraps}({module.source}.{name}({made.arguments()}))",
    ]
    module.parts.append("\n".join(lines) + "\n")


COUNTERPARTS: dict[str, tuple[str, str]] = {
    "sessions.session.part.SessionPart": (f"{PACKAGE}.objects", "SessionPart"),
    VERIFICATION: (f"{PACKAGE}.verifying", "Verification"),
}
"""The classes with a counterpart, each with its module: the module and name of the counterpart."""


def _full(kind: type) -> str:
    """Return the name of a class with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_left_out(kind: type) -> bool:
    return kind.__name__.startswith("_") or _full(kind) in LEFT_OUT


def _made_classes() -> list[type]:
    """Return the asynchronous classes to which counterparts are made, bases first."""
    found: dict[type, None] = {}
    for module, _, name in (full.rpartition(".") for full in CLASSES):
        for base in reversed(getattr(importlib.import_module(module), name).__mro__):
            if base.__module__.startswith("sessions.") and base.__module__ not in BY_HAND and not _is_left_out(base):
                found[base] = None
    return list(found)


def _bases(kind: type) -> list[tuple[str, str]]:
    """Return the counterparts of a class's bases."""
    if _full(kind) == "sessions.encrypted.EncryptedSession":
        return [COUNTERPARTS[SESSION]]
    places = []
    for base in kind.__bases__:
        chosen = base
        while _is_left_out(chosen):
            chosen = chosen.__bases__[0]
        places.append(COUNTERPARTS.get(_full(chosen)))
    if extra := BASES.get(_full(kind)):
        places.append((DRIVING, extra))
    return [place for place in places if place is not None] or [(DRIVING, "Part")]


def generate() -> dict[Path, str]:
    """Return the texts of all files, before they are formatted."""
    classes = _made_classes()
    for kind in classes:
        COUNTERPARTS[_full(kind)] = (f"{PACKAGE}.{kind.__module__.removeprefix('sessions.')}", kind.__name__)
    modules: dict[str, Module] = {}
    for kind in classes:
        module = modules.setdefault(kind.__module__, Module(kind.__module__))
        is_session = issubclass(kind, SessionPart) or "Session" in kind.__name__
        _class(module, kind.__name__, _bases(kind), is_session=is_session)
    for source, _, name in (full.rpartition(".") for full in FUNCTIONS):
        _function(modules.setdefault(source, Module(source)), name, "Store")
    files = {ROOT.joinpath(*module.name.split(".")).with_suffix(".py"): module.text() for module in modules.values()}
    for path in tuple(files):
        for folder in path.relative_to(ROOT / "sessions" / "blocking").parents[:-1]:
            package = ROOT / "sessions" / "blocking" / folder / "__init__.py"
            files.setdefault(package, f'"""Counterparts of the classes in `sessions/{folder}/`."""\n')
    files[ROOT / "sessions" / "blocking" / "__init__.py"] = _index()
    return files


def _index() -> str:
    tree = ast.parse((ROOT / "sessions" / "__init__.py").read_text(encoding="utf-8"))
    full = {name: ".".join(place) for name, place in _imports(tree) if name in sessions.__all__}
    own = {name: COUNTERPARTS[known][0] for name, known in full.items() if known in COUNTERPARTS}
    for module, _, name in (known.rpartition(".") for known in FUNCTIONS):
        own[name] = f"{PACKAGE}.{module.removeprefix('sessions.')}"
    own |= OTHERS
    others = sorted({name for name in full if full[name] not in LEFT_OUT} - set(own))
    names = sorted({*own, *others, "Steps"})
    own["Steps"] = DRIVING
    lines = [
        '"""The conversation store without `await`: the same names as `sessions`, for programs without an event loop.',
        "",
        "Example: ``from sessions.blocking import SQLiteSession``",
        "",
        "docs/without-asyncio.md explains threads, Ctrl-C, forks and notebooks. Made by scripts/build_blocking.py.",
        '"""',
        "",
        "from importlib import import_module",
        "from typing import TYPE_CHECKING, Any",
        "",
        "if TYPE_CHECKING:",
        *(f"    from {module} import {name}" for name, module in sorted(own.items(), key=lambda one: one[::-1])),
        *(f"    from sessions import {name}" for name in others),
        "",
        f"__all__ = {names!r}",
        "",
        f"_OWN = {dict(sorted(own.items()))!r}",
        "",
        "# As in `sessions`: shown this function, type checkers would believe every name.",
        "if not TYPE_CHECKING:",
        "",
        "    def __getattr__(name: str) -> Any:",
        "        if name not in __all__:",
        "            raise AttributeError(f'module {__name__!r} has no attribute {name!r}')",
        "        return getattr(import_module(_OWN.get(name, 'sessions')), name)",
        "",
        "    def __dir__() -> list[str]:",
        '        """Return all names, for completion."""',
        "        return sorted({*globals(), *__all__})",
        "",
    ]
    return "\n".join(lines)


def formatted(files: dict[Path, str]) -> dict[Path, str]:
    """Return the texts as ruff would have them."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        for path, text in files.items():
            place = top / path.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        ruff = [str(Path(sys.executable).with_name("ruff"))]
        config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", "--quiet"]
        ours = ["--config", 'lint.isort.known-first-party=["sessions"]']
        imports = ["--fix-only", "--select", "I,F401"]
        subprocess.run([*ruff, "check", *config, *ours, *imports, str(top)], check=True)  # noqa: S603 - our own
        subprocess.run([*ruff, "format", *config, str(top)], check=True)  # noqa: S603 - as above
        return {path: (top / path.relative_to(ROOT)).read_text(encoding="utf-8") for path in files}


def main() -> None:
    """Write the files, or check them."""
    files = formatted(generate())
    stale = [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if sys.argv[1:] == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not current: run scripts/build_blocking.py")
        raise SystemExit(bool(stale))
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
