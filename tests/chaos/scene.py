"""One fault's run: ingest and a publisher under load, the fault, calm, and the checker's verdict."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.ledger import CAPACITY, Ledger
from tests.chaos.stage import Ingest, Stage, read_log, wait_until

NEWEST = """
SELECT EXISTS (SELECT FROM reading WHERE ts >= to_timestamp(%(since)s)
               AND device_id IN (SELECT device_id FROM device WHERE label LIKE 'MC-%%' ORDER BY device_id LIMIT 500))
"""
READY = frozenset({"ingest_ready", "broker_connected"})
STUCK_S = 45.0
"""So long may nothing new be stored while messages are missing before they count as lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How hard, and for how long before and after."""

    rate: float
    scale: float
    """Lengths of outages and bursts as a share of what the issue asks for."""
    before_s: float
    after_s: float


class Publishing:
    """A running publisher."""

    def __init__(self, ledger: Path, first: int, *arguments: str) -> None:
        self.path, self.first = ledger, first
        self.started_s = time.time()
        self.is_counted = "--count" in arguments
        command = [sys.executable, "-m", "tests.chaos.publisher", "--ledger", str(ledger), "--first", str(first)]
        self.process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        wait_until(ledger.with_suffix(".json").exists, "the publisher has begun")
        self.ledger = Ledger.open(ledger)

    def tell(self, words: str) -> None:
        """Give a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def stop(self) -> dict[str, Any]:
        """Let it send what is left (all, when it has a number to send), and give what it counted."""
        if self.process.poll() is None and not self.is_counted:
            self.tell("stop")
        wait_until(lambda: self.process.poll() is not None, "all that was published is acknowledged", 600)
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.read().splitlines()[-1])

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one fault led to."""

    fault: str
    seconds: float = 0.0
    verdicts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    measured: dict[str, Any] = field(default_factory=dict[str, Any])
    unsaid: list[str] = field(default_factory=list[str])
    """Words the log should have had."""
    broken: str = ""
    """Why the run could not be finished."""

    def total(self, name: str) -> int:
        """Sum a count over the ledgers."""
        return sum(one[name] for one in self.verdicts)


class Scene:
    """What a fault has to work with; ends everything it started."""

    def __init__(self, stage: Stage, name: str, number: int, load: Load, rng: random.Random) -> None:
        self.stage, self.name, self.load, self.rng = stage, name, load, rng
        self.log = stage.folder / "logs" / f"{number:03d}-{name}.jsonl"
        self.ledgers = stage.folder / "ledgers"
        self.outcome = Outcome(fault=name)
        self.running: list[Ingest] = []
        self.publishers: list[Publishing] = []
        self.environment = stage.environment()
        self.say: Callable[[str], None] = lambda _: None

    # what runs

    def ingest(self, *, log: Path | None = None, ready: bool = True) -> Ingest:
        """Start an ingest process; waits until it works unless told otherwise."""
        mark = self.log.stat().st_size if self.log.exists() else 0
        one = Ingest(log or self.log, self.environment)
        self.running.append(one)
        if ready:
            self.wait_said(READY, mark)
        return one

    def publish(self, *arguments: str, rate: float | None = None) -> Publishing:
        """Start a publisher with a range of numbers of its own."""
        first = next(self.stage.ranges)
        base = ("--url", self.stage.publisher_url, "--devices", str(self.stage.devices))
        speed = ("--rate", str(self.load.rate if rate is None else rate))
        one = Publishing(self.ledgers / f"{first}.npy", first, *base, *speed, *arguments)
        self.publishers.append(one)
        return one

    # waiting

    def wait_said(self, words: frozenset[str], since: int, patience_s: float = 60) -> None:
        """Wait until the log has these events."""
        wait_until(lambda: words <= self.said(since), f"the log says {', '.join(sorted(words))}", patience_s)

    def said(self, since: int = 0) -> set[str]:
        """Give the events of the log after byte `since`."""
        return {str(line.get("event")) for line in read_log(self.log, since)}

    def mark(self) -> int:
        """Give the log's length."""
        return self.log.stat().st_size

    def calm(self, seconds: float) -> None:
        """Let the load run."""
        time.sleep(seconds)

    def flowing(self, patience_s: float = 240) -> float:
        """Wait until a message that is made from now on is stored: the stream goes on. Gives the seconds."""
        since = time.time()
        return wait_until(lambda: self._has(since), "a message made after the fault is stored", patience_s)

    def _has(self, since: float) -> bool:
        try:
            return bool(self.stage.rows(NEWEST, since=since)[0][0])
        except psycopg.Error:
            return False

    # the end

    def finish(self) -> None:
        """Stop the load, wait until nothing more comes, and let the checker judge; once."""
        if self.outcome.verdicts:
            return
        counted = [one.stop() for one in self.publishers]
        for name in ("unheard", "reconnects", "repeated"):
            if total := sum(one[name] for one in counted):
                self.note(**{name: total})
        self.drain()
        self.outcome.verdicts = [self.judge(one) for one in self.publishers]

    def drain(self) -> None:
        """Wait until every acknowledged message is stored, or nothing new came for long."""
        waiting = self.publishers
        wanted = sum(one.ledger.acknowledged() for one in waiting)
        began, newest, newest_at = time.monotonic(), -1, time.monotonic()
        while time.monotonic() - newest_at < STUCK_S:
            stored = sum(self.stored(one) for one in waiting)
            if stored > newest:
                newest, newest_at = stored, time.monotonic()
            self.say(f"draining: {newest:,} of {wanted:,}")
            if newest >= wanted:
                break
            time.sleep(0.5)
        self.outcome.measured["drained_s"] = round(time.monotonic() - began, 1)

    def drain_quietly(self, one: Publishing, quiet_s: float = 6.0) -> None:
        """Wait until nothing more of a publisher's messages comes, whatever is missing."""
        newest, newest_at = -1, time.monotonic()
        while time.monotonic() - newest_at < quiet_s:
            stored = self.stored(one)
            if stored > newest:
                newest, newest_at = stored, time.monotonic()
            time.sleep(0.5)

    def stored(self, one: Publishing) -> int:
        """How many of a publisher's messages are in the database, roughly: dead letters are estimated."""
        try:
            rows = self.stage.rows(
                "SELECT count(*) FROM reading"
                " WHERE ts >= to_timestamp(%(since)s) AND seq BETWEEN %(first)s AND %(last)s",
                since=self.oldest_s(one),
                first=one.first,
                last=one.first + CAPACITY - 1,
            )
            letters = self.stage.rows(
                "SELECT count(*) FROM dead_letter"
                " WHERE substring(encode(payload, 'escape') FROM '\"seq\":(\\d+)')::bigint"
                " BETWEEN %(first)s AND %(last)s",
                first=one.first,
                last=one.first + CAPACITY - 1,
            )
        except psycopg.Error:
            return 0
        return rows[0][0] + letters[0][0]

    def oldest_s(self, one: Publishing) -> float:
        """The date of a publisher's oldest message."""
        return int(one.ledger.rows[0, 0]) / 1000 - 1 if one.ledger.made() else one.started_s

    def judge(self, one: Publishing) -> dict[str, Any]:
        """Ask the checker, a process that shares nothing with ingest."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.checker", "--database", self.stage.database, str(one.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout.startswith("{"):
            raise RuntimeError(f"the checker failed: {done.stderr}")
        return json.loads(done.stdout)

    def close(self) -> None:
        """End every process of this scene."""
        for publisher in self.publishers:
            publisher.kill()
        for one in self.running:
            one.end()

    def note(self, **values: Any) -> None:
        """Keep a measured value."""
        self.outcome.measured.update(values)


def kill_ingest(one: Ingest) -> None:
    """kill -9."""
    one.end(signal.SIGKILL)
