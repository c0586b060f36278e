"""`make check-long`: a minute of hypothesis and a minute of atheris over every decoder.

`--seconds 60` for each; `--only hypothesis|atheris`; `--replay FILE` feeds one input that atheris kept. Ends with
status 0 only when nothing was found. What atheris finds stays under build/fuzz/; once mended it becomes a golden case.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz import by_hypothesis
from tests.fuzz.targets import TARGETS

KEPT = Path("build/fuzz")
INPUT_LIMIT_S = 5
MEMORY_LIMIT_MB = 1024
NOTHING_TO_RUN = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", choices=["hypothesis", "atheris"])
    parser.add_argument("--replay", type=Path)
    options = parser.parse_args()
    print(f"fuzz: {len(TARGETS)} targets: {', '.join(TARGETS)}", flush=True)
    if options.replay is not None:
        return atheris(options.replay)
    if options.only != "atheris":
        print(f"fuzz: hypothesis, {options.seconds} s", flush=True)
        print(f"fuzz: hypothesis tried {by_hypothesis.run(options.seconds)} inputs, found nothing", flush=True)
    if options.only == "hypothesis":
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: atheris has no build for this platform; it runs on x86-64 Linux", file=sys.stderr)
        return NOTHING_TO_RUN
    return atheris_for(options.seconds)


def atheris_for(seconds: int) -> int:
    """Fuzz by coverage for so long, from the golden cases on."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="citygrid-fuzz-") as folder:
        corpus = Path(folder)
        plant = f"import pathlib; from tests.fuzz import by_coverage as b; print(b.plant(pathlib.Path({folder!r})))"
        seeds = subprocess.run([sys.executable, "-c", plant], check=True, capture_output=True, text=True).stdout
        print(f"fuzz: atheris, {seconds} s, {seeds.strip().splitlines()[-1]} seeds", flush=True)
        status = atheris(
            f"-max_total_time={seconds}",
            f"-timeout={INPUT_LIMIT_S}",
            f"-rss_limit_mb={MEMORY_LIMIT_MB}",
            "-max_len=8192",
            "-print_final_stats=1",
            "-verbosity=0",
            f"-artifact_prefix={KEPT}/",
            corpus,
        )
    print("fuzz: atheris found nothing" if status == 0 else f"fuzz: atheris found something, kept in {KEPT}/")
    return status


def atheris(*arguments: str | Path) -> int:
    """Run the coverage-guided fuzzer in a process of its own; give its status."""
    command = [sys.executable, "-m", "tests.fuzz.by_coverage", *map(str, arguments)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
