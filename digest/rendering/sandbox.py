"""The environment in which templates run: sandboxed, strict, and bounded in time and size.

A template is the publisher's own, so this stands against mistakes more than against malice: a
loop without end, a picture of ten million spaces. Jinja's sandbox keeps it from Python; the
bounds here keep it from the machine. Never here: what templates see (context), their words.
"""

import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    meta,
    nodes,
)
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.loaders import ChoiceLoader
from jinja2.runtime import markup_join
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.errors import TemplateError

TURNS = 50_000
"""Turns of loops, calls and inclusions that one template may take for one edition."""
LONGEST = 1_000_000
"""Characters that a template may write for one edition."""
_LARGEST = 10_000  # an argument of a filter or method: a width, a count
_left: ContextVar[int] = ContextVar("left", default=TURNS)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox that counts what a template does."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = _asking("counted", [loop.iter], loop.lineno)
        for text in tree.find_all(nodes.Concat):
            text.nodes = [_asking("joined", text.nodes, text.lineno)]
        return tree

    def counted(self, values: Iterable[Any]) -> "Iterator[Any] | _Counted":
        """The values of a loop; raises SecurityError when the rendering has turned too often."""
        return _Counted(values) if hasattr(values, "__len__") else _counting(values)

    def joined(self, *parts: Any) -> str:
        """What `~` makes of its parts, within bounds."""
        made: str = _bounded(markup_join(parts))
        return made

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - Jinja's own names leave the others to templates
        """Jinja's call, counted; the methods of a text get no huge numbers."""
        _turn()
        text = getattr(__obj, "__self__", None)
        if isinstance(text, str):
            _refuse_huge((text, *args, *kwargs.values()))
            _refuse_wide(text)
        return _bounded(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic, where neither a number nor a text grows out of bounds."""
        if operator == "%" and isinstance(left, str):
            _refuse_wide(left)
        elif operator == "**" or not (isinstance(left, int) and isinstance(right, int)):
            _refuse_huge((left, right))
        return _bounded(super().call_binop(context, operator, left, right))

    def get_template(self, *args: Any, **kwargs: Any) -> Template:
        """Jinja's, counted: a template may include others, and those again."""
        _turn()
        return super().get_template(*args, **kwargs)


class _Folders(FileSystemLoader):
    def get_source(self, environment: Environment, template: str) -> Any:
        """Jinja's; a file in other letters than UTF-8 is a mistake in that file."""
        try:
            return super().get_source(environment, template)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise TemplateSyntaxError("it is not written in UTF-8", line, template) from error


class _Once(BaseLoader):
    """Reads each template once, and knows then whether it is there."""

    def __init__(self, loader: BaseLoader) -> None:
        self._loader = loader
        self._read: dict[str, tuple[str, str | None, None] | TemplateNotFound] = {}

    def get_source(self, environment: Environment, template: str) -> Any:
        """What stood there when it was first asked for."""
        if template not in self._read:
            try:
                self._read[template] = (*self._loader.get_source(environment, template)[:2], None)
            except TemplateNotFound as missing:
                self._read[template] = missing
        found = self._read[template]
        if isinstance(found, TemplateNotFound):
            raise found
        return found

    def list_templates(self) -> list[str]:
        """The names that there are now."""
        return self._loader.list_templates()


class _Counted:
    """A sequence whose turns are counted; `loop.length` still works."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return _counting(self._values)


def environment(*folders: Path) -> Sandbox:
    """The Jinja environment of these template folders; the first that has a template wins.

    The last folder is the house's own, so that a publisher's issue.html.jinja can extend
    "house/issue.html.jinja". Strict about unknown names; names with .html in them are escaped.
    """
    house = PrefixLoader({"house": _Folders(folders[-1:])})
    templates = Sandbox(
        loader=ChoiceLoader([_Folders(folders), house]),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # What is random would give other bytes each time; the others only serve to make much of little.
    for name in ("random", "center", "format", "pprint"):
        del templates.filters[name]
    del templates.globals["lipsum"]
    templates.filters.update(
        {name: _modest(function) for name, function in templates.filters.items()}
    )
    return templates


def held(templates: Environment) -> Environment:
    """The same environment, which reads each template once, whatever is saved meanwhile."""
    if templates.loader is None:
        return templates
    return templates.overlay(loader=_Once(templates.loader))


def rendered(name: str, templates: Environment, context: dict[str, Any]) -> str:
    """The template filled. Raises TemplateError that names file and line."""
    token = _left.set(TURNS)
    try:
        return _within(templates.get_template(name).generate(context))
    except (JinjaError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
            RecursionError, MemoryError) as error:  # fmt: skip
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise TemplateError(
            f"{_where(name, error)}: {reason}.", remedy="Mend the template at that line."
        ) from error
    finally:
        _left.reset(token)


def broken(templates: Environment) -> Iterator[tuple[str, TemplateError]]:
    """Every template of the folders, of the mail or the pages, that is no template at all."""
    for name in templates.list_templates(extensions=("jinja", "css")):
        token = _left.set(TURNS)
        try:
            templates.get_template(name)
        except JinjaError as error:
            what = f"{_where(name, error)}: {' '.join(str(error).split())}"
            yield name, TemplateError(what, remedy="Mend the template at that line.")
        finally:
            _left.reset(token)


def sources(templates: Environment, *names: str) -> dict[str, str]:
    """These templates and all that they may include, by name, as they are written.

    What is included by a name that is made up on the way may be any of the folders'.
    """
    found: dict[str, str] = {}
    left = [*names]
    while left:
        name = left.pop()
        if name in found or templates.loader is None:
            continue
        try:
            found[name] = templates.loader.get_source(templates, name)[0]
            named = [*meta.find_referenced_templates(templates.parse(found[name], name))]
        except JinjaError:
            continue  # one that may be missing, or that is broken where nobody has seen it
        left += (one for one in named if one)
        left += templates.list_templates() if None in named else ()
    return found


def _within(chunks: Iterable[str]) -> str:
    written, length = [], 0
    for chunk in chunks:
        length += len(chunk)
        if length > LONGEST:
            raise SecurityError(f"it writes more than {LONGEST:,} characters")
        written.append(chunk)
    return "".join(written)


def _turn() -> None:
    left = _left.get()
    if left <= 0:
        raise SecurityError(f"it loops or calls more than {TURNS:,} times")
    _left.set(left - 1)


def _counting(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        _turn()
        yield value


def _asking(method: str, given: list[Any], line: int) -> nodes.Call:
    asked = nodes.EnvironmentAttribute(method, lineno=line)
    return nodes.Call(asked, given, [], None, None, lineno=line)


def _bounded(made: Any) -> Any:
    if isinstance(made, (str, list, tuple)) and len(made) > LONGEST:
        raise SecurityError(f"it makes a value of more than {LONGEST:,} characters")
    return made


def _refuse_wide(text: str) -> None:
    _refuse_huge(int(width) for width in re.findall(r"\d{1,9}", text) if len(width) > 3)


def _refuse_huge(given: Iterable[Any]) -> None:
    """Nothing may ask for a huge width or count, nor multiply two long texts."""
    product = 1
    for value in given:
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise SecurityError(f"a number above {_LARGEST:,} where a text or a power is made")
        if isinstance(value, (str, list, tuple)):
            product *= max(1, len(value))
    if product > 100 * LONGEST:
        raise SecurityError("texts too long to be put into each other")


def _modest(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        _turn()
        _refuse_huge((*args, *kwargs.values()))
        return _bounded(function(*args, **kwargs))

    return filtered


def _where(name: str, error: Exception) -> str:
    """Jinja shows the template's lines in the traceback; syntax errors carry theirs."""
    line = getattr(error, "lineno", None)
    if line is not None:
        return f"{getattr(error, 'name', None) or name}, line {line}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.endswith((".jinja", ".css"))
    ]
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else name
