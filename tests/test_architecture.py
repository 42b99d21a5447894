"""The house rules, held against the code itself (see ARCHITECTURE.md)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "andon"
FILES = sorted(SOURCE.rglob("*.py"))
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
MAX_NESTING = 3
MAX_PARAMETERS = 5
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "base", "misc", "util"}

# An exception stands here with its reason, or nowhere.
COMMANDS = "a command's parameters are its options: Typer reads them from the signature"
PARAMETER_EXCEPTIONS = {SOURCE / "cli": COMMANDS}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def lines_without_docstring(function: Function) -> int:
    first = function.body[0]
    body = function.body
    if ast.get_docstring(function) is not None:
        body = function.body[1:]
        if not body:
            return 1
        removed = (first.end_lineno or 0) - first.lineno + 1
    else:
        removed = 0
    return (function.end_lineno or 0) - function.lineno + 1 - removed


def nesting(node: ast.AST, depth: int = 0) -> int:
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef | ast.Lambda):
            continue
        step = isinstance(
            child, ast.For | ast.While | ast.If | ast.With | ast.Try | ast.AsyncFor | ast.AsyncWith
        )
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        deepest = max(deepest, nesting(child, depth + (1 if step and not is_elif else 0)))
    return deepest


def parameters(function: Function) -> int:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(1 for argument in arguments if argument.arg not in {"self", "cls"})


def named(path: Path, function: Function) -> str:
    return f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"


def test_there_is_code_to_check() -> None:
    assert len(FILES) > 20
    assert len(TEST_FILES) > 20


def test_files_are_short() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in [*FILES, *TEST_FILES]
        if (n := len(p.read_text().splitlines())) > MAX_FILE_LINES
    }
    assert not long


def test_functions_are_short() -> None:
    long = [
        f"{named(path, function)}: {lines_without_docstring(function)} lines"
        for path in FILES
        for function in functions(path)
        if lines_without_docstring(function) > MAX_FUNCTION_LINES and SOURCE / "cli" not in path.parents
    ]
    assert not long


def test_functions_are_flat() -> None:
    deep = [
        f"{named(path, function)}: {nesting(function)} levels"
        for path in FILES
        for function in functions(path)
        if nesting(function) > MAX_NESTING
    ]
    assert not deep


def test_functions_take_few_parameters() -> None:
    wide = [
        f"{named(path, function)}: {parameters(function)}"
        for path in FILES
        if not any(folder in path.parents for folder in PARAMETER_EXCEPTIONS)
        for function in functions(path)
        if parameters(function) > MAX_PARAMETERS
    ]
    assert not wide


def test_modules_are_nouns() -> None:
    named_so = [path for path in [*FILES, *TEST_FILES] if path.stem in FORBIDDEN_NAMES]
    assert not [str(path.relative_to(ROOT)) for path in named_so]


def test_every_module_says_what_it_is_about() -> None:
    assert not [str(p.relative_to(ROOT)) for p in FILES if not ast.get_docstring(ast.parse(p.read_text()))]


def test_nothing_is_swallowed() -> None:
    """A broad ``except`` may stand only where it raises again."""
    swallowed = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kind = node.type
            broad = kind is None or (
                isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}
            )
            raises = any(isinstance(child, ast.Raise) for child in ast.walk(node))
            if broad and not raises:
                swallowed.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not swallowed


def test_the_rows_of_a_record_are_read_in_one_place() -> None:
    """Two functions that make the same value of a row would come to differ."""
    readers: dict[str, list[str]] = {}
    for path in sorted((SOURCE / "store").glob("*.py")):
        for function in functions(path):
            taken = [ast.unparse(one.annotation) for one in function.args.args if one.annotation]
            if taken == ["Row[Any]"] and function.returns is not None:
                readers.setdefault(ast.unparse(function.returns), []).append(named(path, function))
    assert len(readers) > 20
    assert not {value: found for value, found in readers.items() if len(found) > 1}


def test_the_domain_is_standard_library_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"andon"}
    foreign = []
    for path in sorted((SOURCE / "domain").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            foreign += [
                f"{path.name}: {module}" for module in modules if module.split(".")[0] not in allowed
            ]
    assert not foreign


def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["andon.cli.main", "andon.runtime.inspector"])
def test_judging_parts_starts_without_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
