"""The same kill -9 with a broker that acknowledges only what is on disk: Debian's RabbitMQ with its MQTT plugin.

Debian 12 has RabbitMQ 3.10, which speaks MQTT 3.1.1 (MQTT 5 came with 3.13; Debian 13 has 4.0): there ingest goes
through `dialect`. The publisher speaks the broker's own version in both cases.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from runtime.services.account import account_for
from runtime.services.process import answers
from tests.chaos.dialect import translated
from tests.chaos.fault import Fault, fault
from tests.chaos.scene import Scene
from tests.chaos.stage import wait_until
from tests.own_services import free_port

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
FIRST_WITH_MQTT_5 = (3, 13)
START_PATIENCE_S = 90.0
CONFIGURATION = """
listeners.tcp = none
mqtt.listeners.tcp.1 = 127.0.0.1:{port}
mqtt.allow_anonymous = true
mqtt.prefetch = 20000
mqtt.subscription_ttl = 604800000
mqtt.durable_queue_type = {queues}
log.console = false
log.file.level = warning
"""


def no_rabbitmq() -> str:
    """Say what is missing."""
    return "" if SERVER.exists() else "RabbitMQ is not installed (Debian package `rabbitmq-server`)"


def version() -> tuple[int, ...]:
    """Give RabbitMQ's version, from the folder Debian puts it in."""
    found = re.search(r"rabbitmq_server-([0-9.]+)", str(SERVER.resolve()))
    return tuple(int(part) for part in found[1].split(".")) if found else (0,)


class RabbitMQ:
    """One node with a folder, a port and an epmd of its own."""

    def __init__(self, folder: Path, queues: str = "quorum") -> None:
        self.folder, self.port, self.names_port, self.peers_port = folder, free_port(), free_port(), free_port()
        self.account = account_for(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if self.account.demoted:
            os.chown(folder, self.account.uid, self.account.gid)
        self.account.write(folder / "rabbitmq.conf", CONFIGURATION.format(port=self.port, queues=queues))
        self.account.write(folder / "enabled_plugins", "[rabbitmq_mqtt].\n")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Give what keeps it apart from a RabbitMQ of the machine."""
        return {
            "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"citygrid{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_DIST_PORT": str(self.peers_port),
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder.parent / "logs" / "rabbitmq.log").open("ab") as log:
            self.process = subprocess.Popen(
                [SERVER],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **self.account.demotion(),
            )
        wait_until(lambda: answers(self.port), "RabbitMQ listens", START_PATIENCE_S)

    def kill(self) -> None:
        """kill -9 of the node and all it started, but not of epmd, which only keeps names."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not answers(self.port), "RabbitMQ is gone")

    def end(self) -> None:
        """Kill it, and its epmd."""
        with suppress(ProcessLookupError, AssertionError):
            self.kill()
        subprocess.run(["epmd", "-port", str(self.names_port), "-kill"], capture_output=True, check=False)


@contextmanager
def durable_broker(scene: Scene) -> Iterator[RabbitMQ]:
    """Give a running RabbitMQ, with ingest's and the publisher's address set to it."""
    broker = RabbitMQ(scene.stage.folder / "rabbitmq")
    speaks_5 = version() >= FIRST_WITH_MQTT_5
    with ExitStack() as stack:
        stack.callback(broker.end)
        broker.start()
        port = broker.port if speaks_5 else stack.enter_context(translated(broker.port))
        scene.environment = scene.stage.environment(broker_url=f"mqtt://127.0.0.1:{port}")
        scene.note(
            rabbitmq=".".join(map(str, version())), mqtt="5" if speaks_5 else "3.1.1, ingest through a translator"
        )
        yield broker


def durable_broker_killed(scene: Scene) -> None:
    """Worst case again: ingest is away, so everything acknowledged is in the broker alone."""
    with durable_broker(scene) as broker:
        try:
            one = scene.ingest()
            address = f"mqtt://127.0.0.1:{broker.port}"
            publisher = scene.publish("--url", address, "--mqtt", "5" if version() >= FIRST_WITH_MQTT_5 else "4")
            scene.calm(scene.load.before_s)
            one.end()
            scene.calm(scene.rng.uniform(5, 10))
            acknowledged = publisher.ledger.acknowledged()
            held = acknowledged - scene.stored(publisher)
            broker.kill()
            time.sleep(1)
            broker.start()
            scene.ingest()
            scene.note(acknowledged_before=acknowledged, only_in_the_broker=held)
            scene.note(recovered_s=round(scene.flowing(), 2))
            scene.calm(scene.load.after_s)
            broker.kill()  # and once more in mid-flow
            broker.start()
            scene.note(recovered_again_s=round(scene.flowing(), 2))
            scene.finish()
        finally:
            scene.close()


FAULTS: tuple[Fault, ...] = (
    fault(
        durable_broker_killed,
        "kill -9 of RabbitMQ while ingest is away, and in mid-flow; nothing is sent again",
        "broker_lost",
        "broker_connected",
        lacks=no_rabbitmq,
    ),
)
