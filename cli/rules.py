"""`citygrid rules`: check rule files, run their tests, show them; publish, back-test and explain stand beside it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from alerts import lint as linting
from alerts import rulebook, schema, trial_schema, trialfile
from alerts.rule import Rule, Rulebook
from cli import rule_backtest, rule_explain, rule_shadow, rule_versions
from core.errors import InvalidInput
from runtime import rulebooks, settings

app = typer.Typer(no_args_is_help=True, help="Rules: check, test, publish, back-test and explain them.")
for command in (
    rule_backtest.backtest, rule_versions.diff, rule_versions.publish, rule_versions.history, rule_versions.rollback,
    rule_versions.promote, rule_explain.explain,
):  # fmt: skip
    app.command()(command)
app.add_typer(rule_shadow.app, name="shadow")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
RulePath = Annotated[
    Path | None, typer.Argument(help="A rule file or a folder of them; the installation's files when left out.")
]


@app.command()
def lint(path: RulePath = None, as_json: AsJson = False) -> None:
    """Check rule files; exit code 1 when something is wrong. Example: citygrid rules lint my-rules/."""
    try:
        book = _rulebook(path)
        found = linting.findings(book, rulebooks.surroundings(settings.load()), _texts(book))
    except rulebook.WrongRules as wrong:
        found = tuple(
            linting.Finding(
                level="error",
                file=mistake.file,
                line=mistake.line,
                rule=mistake.rule,
                field=mistake.field,
                check="syntax",
                message=mistake.reason,
            )
            for mistake in wrong.mistakes
        )
    errors = sum(finding.level == "error" for finding in found)
    if as_json:
        print(json.dumps({"errors": errors, "findings": [asdict(f) for f in found]}, ensure_ascii=False))
    else:
        for finding in found:
            print(finding)
        print(f"{errors} errors, {len(found) - errors} warnings")
    if errors:
        raise typer.Exit(1)


@app.command(name="test")
def run_tests(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Test files (*.test.yaml) or folders; the default rule book's if none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run rule tests; exit code 1 when one fails. Example: citygrid rules test my-rules/cover.test.yaml."""
    verdicts = [v for file in _test_files(paths or [_folder()]) for v in trialfile.verdicts(trialfile.load(file))]
    failed = [verdict for verdict in verdicts if verdict.failures]
    if as_json:
        print(json.dumps({"failed": len(failed), "tests": [asdict(v) for v in verdicts]}, ensure_ascii=False))
    else:
        for verdict in failed:
            print(f"{verdict.file}:{verdict.line}: FAILED {verdict.name}")
            for failure in verdict.failures:
                print(f"    {failure}")
        print(f"{len(verdicts) - len(failed)} tests passed, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


@app.command()
def show(path: RulePath = None, as_json: AsJson = False) -> None:
    """List the rules of files. Example: citygrid rules show --json."""
    rows = [_row(rule) for rule in _rulebook(path).rules]
    if as_json:
        print(json.dumps({"rules": [asdict(row) for row in rows]}, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row.rule:20} {row.severity:9} {row.condition}")
        print(f"{'':20} {row.summary_zh} / {row.summary}")
        print(f"{'':20} {', '.join(row.profiles)}; due in {row.deadline}; {row.file}:{row.line}")


@app.command(name="schema")
def print_schema(
    tests: Annotated[bool, typer.Option("--tests", help="That of rule test files, in place of rule files.")] = False,
) -> None:
    """Print the JSON Schema of rule files, for editors. Example: citygrid rules schema > rules.schema.json."""
    print(json.dumps(trial_schema.rule_tests() if tests else schema.rules(), indent=2, ensure_ascii=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A rule as it is shown."""

    rule: str
    severity: str
    condition: str
    clear: str | None
    profiles: tuple[str, ...]
    classes: tuple[str, ...]
    districts: tuple[str, ...]
    deadline: str
    summary: str
    summary_zh: str
    source: str
    file: str
    line: int


def _row(rule: Rule) -> _Row:
    watched = rule.fires.text if rule.fires else rule.absence.text if rule.absence else ""
    for_s = rule.for_us / 1e6
    return _Row(
        rule=rule.name,
        severity=rule.severity.value,
        condition=watched + (f" for {for_s:g} s" if for_s else ""),
        clear=rule.clears.text if rule.clears else None,
        profiles=rule.scope.profiles,
        classes=rule.scope.classes,
        districts=rule.scope.districts,
        deadline=str(rule.raises.deadline),
        summary=rule.annotations["summary"],
        summary_zh=rule.annotations["summary_zh"],
        source=rule.source,
        file=rule.file,
        line=rule.line,
    )


def _rulebook(path: Path | None) -> Rulebook:
    return rulebook.load(path or rulebooks.source(settings.load()))


def _folder() -> Path:
    return settings.load().rules_dir or rulebook.DEFAULT


def _texts(book: Rulebook) -> dict[str, str]:
    """Give the files the rules stand in, for the comments in them; published rules stand in none."""
    files = {Path(rule.file) for rule in book.rules}
    return {name: text for file in files if file.is_file() for name, text in rulebook.texts(file).items()}


def _test_files(paths: list[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = [path] if path.is_file() else sorted(path.glob(f"*{rulebook.TEST_SUFFIX}"))
        if not found:
            raise InvalidInput(f"{path} holds no rule tests (*{rulebook.TEST_SUFFIX})")
        files.extend(found)
    return files
