"""What is remembered of Sparkplug edge nodes, kept in the transaction of the readings it explains.

A node's counter changes with every batch, its births seldom: they are rows of their own. Takes a connection, never
commits.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection

from wire.edge_node import Birth, Change, Definition, EdgeNode, birth

SELECT_NODES = "SELECT node, alive, bd_seq, next_seq, awaiting FROM edge_node"
SELECT_BIRTHS = "SELECT node, device, metrics FROM edge_birth"
UPSERT_NODES = """
INSERT INTO edge_node (node, alive, bd_seq, next_seq, awaiting)
SELECT * FROM unnest(%(node)s::text[], %(alive)s::bool[], %(bd_seq)s::bigint[], %(next_seq)s::smallint[],
                     %(awaiting)s::bool[])
ON CONFLICT (node) DO UPDATE
SET alive = EXCLUDED.alive, bd_seq = EXCLUDED.bd_seq, next_seq = EXCLUDED.next_seq, awaiting = EXCLUDED.awaiting
"""
UPSERT_BIRTHS = """
INSERT INTO edge_birth (node, device, metrics)
SELECT node, device, metrics::jsonb FROM unnest(%(node)s::text[], %(device)s::text[], %(metrics)s::text[])
    AS given (node, device, metrics)
ON CONFLICT (node, device) DO UPDATE SET metrics = EXCLUDED.metrics
"""
DELETE_BIRTHS = """
DELETE FROM edge_birth
USING unnest(%(node)s::text[], %(device)s::text[]) AS gone (node, device)
WHERE edge_birth.node = gone.node AND edge_birth.device = gone.device
"""


async def load(conn: AsyncConnection) -> dict[str, EdgeNode]:
    """Give all nodes by `<group>/<node>`, as the last commit left them."""
    births: dict[str, dict[str, Birth]] = {}
    for node, device, metrics in await (await conn.execute(SELECT_BIRTHS)).fetchall():
        births.setdefault(node, {})[device] = birth(Definition(*metric) for metric in metrics)
    rows = await (await conn.execute(SELECT_NODES)).fetchall()
    return {
        node: EdgeNode(alive=alive, bd_seq=bd_seq, next_seq=next_seq, awaiting=awaiting, births=births.get(node, {}))
        for node, alive, bd_seq, next_seq, awaiting in rows
    }


async def record(conn: AsyncConnection, changes: Sequence[Change]) -> None:
    """Keep what a batch did to the nodes."""
    if not changes:
        return
    ordered = sorted(changes, key=lambda change: change.name)
    await conn.execute(
        UPSERT_NODES,
        {
            "node": [it.name for it in ordered],
            "alive": [it.node.alive for it in ordered],
            "bd_seq": [it.node.bd_seq for it in ordered],
            "next_seq": [it.node.next_seq for it in ordered],
            "awaiting": [it.node.awaiting for it in ordered],
        },
    )
    if gone := [(it.name, device) for it in ordered for device in it.gone]:
        await conn.execute(DELETE_BIRTHS, _columns(("node", "device"), gone))
    born = [(it.name, device, _metrics(it.node.births[device])) for it in ordered for device in it.born]
    if born:
        await conn.execute(UPSERT_BIRTHS, _columns(("node", "device", "metrics"), born))


def _metrics(declared: Birth) -> str:
    return msgspec.json.encode(declared.definitions).decode()


def _columns(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
