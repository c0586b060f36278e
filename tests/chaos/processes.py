"""Faults of processes: killed, stopped, away, started twice. Whoever kills also starts again, as a supervisor would."""

import os
import signal
import time
from contextlib import suppress

from tests.chaos.fault import Fault, fault
from tests.chaos.scene import Scene, kill_ingest
from tests.chaos.stage import Ingest, children, wait_until

TAKEOVER_S = 15.0
"""A killed owner's lease is taken over within 10 s; the rest is for the first batch on a machine under full load."""


HANGS_S = 8.0
"""Long enough for ingest to lose its patience with the database's leases."""


def ingest_killed(scene: Scene) -> None:
    one = scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    kill_ingest(one)
    scene.ingest()
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def ingest_killed_repeatedly(scene: Scene) -> None:
    one = scene.ingest()
    scene.publish()
    for _ in range(6):
        scene.calm(scene.rng.uniform(0.05, 3))
        kill_ingest(one)
        one = scene.ingest(ready=scene.rng.random() < 0.5)
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def database_killed(scene: Scene) -> None:
    scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    scene.stage.kill("postgres")
    scene.stage.up()
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def database_backend_killed(scene: Scene) -> None:
    """One server process dies, so PostgreSQL ends all and recovers by itself."""
    scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    ((pid,),) = scene.stage.rows("SELECT pid FROM pg_stat_activity WHERE application_name = 'citygrid-ingest' LIMIT 1")
    os.kill(pid, signal.SIGKILL)
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def both_killed_in_turn(scene: Scene) -> None:
    one = scene.ingest()
    scene.publish()
    for _ in range(6):
        scene.calm(scene.rng.uniform(0.1, 3))
        if scene.rng.random() < 0.5:
            kill_ingest(one)
            one = scene.ingest(ready=False)
        else:
            scene.stage.kill("postgres")
            scene.calm(scene.rng.uniform(0, 1))
            scene.stage.up()
        if one.process.poll() is not None:  # it may give up when the database is away at its start
            one = scene.ingest(ready=False)
    one = _kept_up(scene, one)
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def _kept_up(scene: Scene, one: Ingest) -> Ingest:
    time.sleep(1)
    return one if one.process.poll() is None else scene.ingest(ready=False)


def database_away(scene: Scene) -> None:
    one = scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    scene.stage.halt("postgres", signal.SIGINT)
    scene.calm(60 * scene.load.scale)
    scene.stage.up()
    scene.note(away_s=round(60 * scene.load.scale, 1), recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)
    scene.note(ingest_peak_mb=round(one.memory_mb()))


def second_ingest(scene: Scene) -> None:
    """Started by mistake: it says why it waits, and nothing is lost, doubled or stopped; then it is a spare."""
    first = scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    second = scene.ingest(log=scene.log.with_suffix(".second.jsonl"), ready=False)
    wait_until(lambda: any(line.get("event") == "standing_by" for line in second.lines()), "the second says it waits")
    scene.calm(10)
    scene.note(flowed_beside_s=round(scene.flowing(), 2))
    assert first.process.poll() is None, "the second ingest ended the first"
    kill_ingest(first)
    scene.note(taken_over_s=round(scene.flowing(TAKEOVER_S), 2))
    scene.calm(scene.load.after_s)


def database_stopped_in_mid_step(scene: Scene) -> None:
    """SIGSTOP to every process of PostgreSQL: connections stay open and nothing answers."""
    scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    pid = scene.stage.pid("postgres")
    assert pid is not None
    group = [pid, *children(pid)]
    for each in group:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGSTOP)
    scene.calm(max(20 * scene.load.scale, HANGS_S))
    for each in group:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGCONT)
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def broker_restarted(scene: Scene) -> None:
    """Stopped in order with a queue, which it must have again afterwards."""
    one = scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    one.send(signal.SIGSTOP)
    scene.calm(2)
    scene.stage.halt("mosquitto", signal.SIGTERM)
    one.send(signal.SIGCONT)
    scene.calm(3)
    scene.stage.up()
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def broker_killed(scene: Scene) -> None:
    """kill -9 while ingest is away: the worst case. First what it costs, then what our gateways do about it."""
    one = scene.ingest()
    publisher = scene.publish()
    scene.calm(scene.load.before_s)
    one.end()
    scene.calm(scene.rng.uniform(10, 20))
    scene.stage.kill("mosquitto")
    acknowledged = publisher.ledger.acknowledged()
    publisher.tell("rate 0.001")
    scene.stage.up()
    scene.ingest()
    wait_until(lambda: publisher.ledger.acknowledged() == publisher.ledger.made(), "what was on its way is there")
    scene.drain_quietly(publisher)
    missing = scene.judge(publisher)["lost"]
    scene.note(broker_kill_lost_without_republish=missing, acknowledged_before=acknowledged)
    scene.note(broker_kill_lost_s=round(missing / scene.load.rate, 2))
    publisher.tell("republish 600")
    publisher.tell(f"rate {scene.load.rate}")
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


def broker_killed_republished(scene: Scene) -> None:
    """kill -9 in mid-flow; the publisher sends its last 20 s again by itself, as our gateways do."""
    scene.ingest()
    scene.publish("--republish-s", "20")
    scene.calm(scene.load.before_s + 6)
    scene.stage.kill("mosquitto")
    scene.calm(1)
    scene.stage.up()
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)


RESUMED = ("broker_lost", "broker_connected")

FAULTS: tuple[Fault, ...] = (
    fault(ingest_killed, "kill -9 of ingest, started again", "ingest_ready", "broker_connected"),
    fault(ingest_killed_repeatedly, "kill -9 of ingest six times at random moments", "ingest_ready"),
    fault(database_killed, "kill -9 of every PostgreSQL process, started again", "batch_retry", "ingest_ready"),
    fault(database_backend_killed, "kill -9 of the server process that works for ingest", "batch_retry"),
    fault(both_killed_in_turn, "kill -9 of ingest and PostgreSQL six times, in random turn", "ingest_ready"),
    fault(database_away, "PostgreSQL stopped for 60 s", "batch_retry", "ingest_ready"),
    fault(database_stopped_in_mid_step, "PostgreSQL hangs for 20 s with open connections", "database_silent"),
    fault(second_ingest, "a second ingest started by mistake; then the first is killed", "ingest_ready"),
    fault(broker_restarted, "Mosquitto stopped in order with a queue, started again", *RESUMED, "broker_unreachable"),
    fault(
        broker_killed, "kill -9 of Mosquitto while ingest is away; then the last 20 s are sent again", "ingest_ready"
    ),
    fault(broker_killed_republished, "kill -9 of Mosquitto in mid-flow, gateways send their last 20 s again", *RESUMED),
)
