"""No file over 400 lines, no function over 60: what does not fit on a screen has two jobs."""

import ast

from tests.architecture.tree import PACKAGES, modules

FILE_LINES = 400
FUNCTION_LINES = 60
FOLDERS = (*PACKAGES, "dashboards", "tests", "docs", "scripts")


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        module.name: lines
        for module in modules(*FOLDERS)
        if (lines := len(module.path.read_text(encoding="utf-8").splitlines())) > FILE_LINES
    }

    assert long == {}


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{module.name}.{node.name}": lines
        for module in modules(*FOLDERS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }

    assert long == {}


def test_every_module_says_its_job() -> None:
    silent = [
        module.name
        for module in modules(*PACKAGES, "dashboards", "docs", "scripts")
        if module.tree.body and not (ast.get_docstring(module.tree) or "").strip()
    ]

    assert silent == []
