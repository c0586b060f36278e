"""Sparkplug B: the memory that makes an edge node's data readable, and what each message does to it. Pure.

Births name the metrics whose data come under a number only (the alias). Messages of a node count `seq` from 0 to 255
and around: a gap means something was lost, perhaps a birth, so the node is asked to publish its births again. Meanwhile
its data are read by the births we know (our choice: a node that no command reaches must not fall silent; one that gave
its metrics new numbers without dying, and whose birth was lost, is misread until its rebirth). A death ends its births.

A batch works on a `Draft`. `commit` makes it the memory once the database has it, as `alerts.engine` does with rules: a
batch that is carried again meets the memory it met before. Source: Sparkplug 3.0.0, chapters 4 to 6.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import replace

from core.errors import InvalidInput
from wire import sparkplug
from wire.edge_node import UNBORN, Change, EdgeNode
from wire.record import Fact, Said
from wire.sparkplug import Kind, Message

ASK_EVERY_US = 10_000_000
"""How long a node is given to answer before it is asked again; our choice: births of a large node take seconds."""
MAX_NODES = 20_000
"""Most edge nodes remembered, so that strangers cannot fill the memory; our choice."""

MAX_DEVICES = 1_000
"""Most devices behind one node; our choice."""
LIFE = frozenset({"birth", "death"})
"""Kinds of facts about the node's or device's connection itself."""

Memory = MutableMapping[str, EdgeNode]
"""`<group>/<node>` -> what is known of it."""


class Draft:
    """What one batch makes of the memory, without touching it."""

    def __init__(self, memory: Mapping[str, EdgeNode]) -> None:
        self._memory = memory
        self.changed: dict[str, EdgeNode] = {}
        """Nodes as this batch leaves them."""
        self.asked: dict[str, None] = {}
        """Nodes to ask for a rebirth after the commit, in order."""

    def receive(self, topic: str, payload: bytes, received_us: int, *, redelivered: bool = False) -> list[Said]:
        """Give what a message says and note what it does to its node; raises `InvalidInput` and notes nothing."""
        message = sparkplug.parse(topic, payload)
        before = self.changed.get(message.node) or self._memory.get(message.node)
        if before is None and len(self._memory) + len(self.changed) >= MAX_NODES:
            raise InvalidInput(f"more than {MAX_NODES} Sparkplug edge nodes")
        after, said = _received(before or EdgeNode(), message, redelivered=redelivered)
        if not after.awaiting:
            self.asked.pop(message.node, None)
        elif abs(received_us - after.asked_us) >= ASK_EVERY_US:
            self.asked[message.node] = None
            after = replace(after, asked_us=received_us)
        if after != before:
            self.changed[message.node] = after
        return said

    def recall(self, topic: str, payload: bytes) -> list[Said]:
        """Give what a message of the past says, by the births known now; it notes nothing."""
        message = sparkplug.parse(topic, payload)
        if message.kind in {Kind.NBIRTH, Kind.DBIRTH}:
            return sparkplug.said(message, sparkplug.born(message))[0]
        node = self.changed.get(message.node) or self._memory.get(message.node, EdgeNode())
        return sparkplug.said(message, node.births.get(message.device, UNBORN))[0]

    def changes(self) -> list[Change]:
        """Give what must be kept of this batch."""
        return [
            _change(name, self._memory.get(name), node)
            for name, node in self.changed.items()
            if (former := self._memory.get(name)) is None or replace(node, asked_us=former.asked_us) != former
        ]


def _change(name: str, former: EdgeNode | None, node: EdgeNode) -> Change:
    before = former.births if former is not None else {}
    return Change(
        name=name,
        node=node,
        born=tuple(device for device, birth in node.births.items() if before.get(device) is not birth),
        gone=tuple(device for device in before if device not in node.births),
    )


def commit(memory: Memory, draft: Draft) -> None:
    """Make the draft the memory: after the database committed, never before."""
    memory.update(draft.changed)


def _received(node: EdgeNode, message: Message, *, redelivered: bool) -> tuple[EdgeNode, list[Said]]:
    """Give the node after a message, and what the message says."""
    if message.kind is Kind.NDEATH:
        return _died(node, message)
    if message.kind is Kind.NBIRTH:
        return _born(node, message)
    node = _counted(node, message, redelivered=redelivered)
    if message.kind is Kind.DBIRTH:
        return _device_born(node, message)
    if message.kind is Kind.DDEATH:
        return _device_died(node, message)
    said, unknown = sparkplug.said(message, node.births.get(message.device, UNBORN))
    return (replace(node, awaiting=True) if unknown else node), said


def _counted(node: EdgeNode, message: Message, *, redelivered: bool) -> EdgeNode:
    """Give the node after counting a message; a gap, or no birth before it, needs a rebirth."""
    assert message.seq is not None
    in_order = node.alive and message.seq == node.next_seq
    if redelivered and not in_order and node.alive:
        return node  # counted before; the broker did not hear our acknowledgement
    return replace(node, next_seq=(message.seq + 1) % 256, awaiting=node.awaiting or not in_order)


def _born(node: EdgeNode, message: Message) -> tuple[EdgeNode, list[Said]]:
    """Take a node's birth: all its devices must be born again after it."""
    assert message.seq is not None
    birth = sparkplug.born(message)
    said, _ = sparkplug.said(message, birth)
    came = [] if node.alive else [_life(message.node, message, "birth")]
    after = EdgeNode(
        alive=True,
        bd_seq=sparkplug.bd_seq(message),
        next_seq=(message.seq + 1) % 256,
        awaiting=False,
        asked_us=node.asked_us,
        births={"": birth},
    )
    return after, [*came, *said]


def _device_born(node: EdgeNode, message: Message) -> tuple[EdgeNode, list[Said]]:
    if message.device not in node.births and len(node.births) > MAX_DEVICES:
        raise InvalidInput(f"more than {MAX_DEVICES} devices at {message.node}")
    birth = sparkplug.born(message)
    said, _ = sparkplug.said(message, birth)
    came = [] if message.device in node.births else [_life(message.address, message, "birth")]
    return replace(node, births={**node.births, message.device: birth}), [*came, *said]


def _device_died(node: EdgeNode, message: Message) -> tuple[EdgeNode, list[Said]]:
    if message.device not in node.births:
        return node, []
    births = {device: birth for device, birth in node.births.items() if device != message.device}
    return replace(node, births=births), [_life(message.address, message, "death")]


def _died(node: EdgeNode, message: Message) -> tuple[EdgeNode, list[Said]]:
    """Take a node's death, unless it belongs to a former birth: then the will of a lost connection came late.

    Its time is that of arrival: the node wrote the message when it connected.
    """
    bd_seq = sparkplug.bd_seq(message)
    stale = node.alive and None not in {bd_seq, node.bd_seq} and bd_seq != node.bd_seq
    if stale or (not node.alive and node.bd_seq == bd_seq):
        return node, []
    dead = EdgeNode(alive=False, bd_seq=bd_seq, asked_us=node.asked_us)
    gone = [message.node, *(f"{message.node}/{device}" for device in node.births if device)]
    return dead, [
        Fact(address=address, ts_us=None, kind="death", detail={"node": message.node, "bd_seq": bd_seq})
        for address in gone
    ]


def _life(address: str, message: Message, kind: str) -> Fact:
    """Give the fact that somebody came to life or died, with the time its message says."""
    ts_us = None if message.timestamp_ms is None else message.timestamp_ms * 1000
    return Fact(address=address, ts_us=ts_us, kind=kind, seq=message.seq or 0, detail={"node": message.node})
