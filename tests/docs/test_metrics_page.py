"""docs/metrics.md names every metric, label and field there is, and nothing that is not."""

import re
from pathlib import Path

from runtime.ingest_metrics import IngestMetrics
from runtime.stopwatch import STEPS

PAGE = Path("docs/metrics.md").read_text(encoding="utf-8")


def published() -> dict[str, set[str]]:
    """Name of each metric, as it is scraped, with its labels."""
    metrics = IngestMetrics()
    own = [getattr(metrics, name) for name in IngestMetrics.__slots__ if name != "registry"]
    return {
        f"{metric._name}_total" if metric._type == "counter" else metric._name: set(metric._labelnames)
        for metric in own
    }


def described() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for names, labels in re.findall(r"^\| ((?:`citygrid_\w+`(?:, )?)+) \|([^|]*)\|", PAGE, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            found[name] = set(re.findall(r"`(\w+)`", labels))
    return found


def test_the_page_describes_exactly_the_metrics_there_are_with_their_labels() -> None:
    assert described() == published()


def test_the_page_names_every_step() -> None:
    assert [step for step in STEPS if f"`{step}`" not in PAGE] == []


def test_the_page_names_every_field_of_the_canonical_line() -> None:
    source = Path("runtime/ingest_report.py").read_text(encoding="utf-8")
    line = source[source.index('"ingest",') : source.index("slowest=slowest")]
    fields = re.findall(r"^\s+(\w+)=", line, re.MULTILINE)

    assert len(fields) > 10
    assert [field for field in [*fields, "slowest"] if f"`{field}`" not in PAGE] == []
