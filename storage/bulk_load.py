"""Loads an empty table fast: its secondary indexes and foreign keys are put aside and made again afterwards.

Row by row, the foreign keys and indexes of `component` cost four times what the rows cost; made at once over all rows
they cost a tenth (measured with tests/bench/bench_registry.py). All in the caller's transaction: nobody ever sees the
table without them.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection, sql

MAY_REBUILD = """
SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = to_regclass(%(table)s)
"""
FOREIGN_KEYS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = to_regclass(%(table)s) AND contype = 'f' ORDER BY conname
"""
# Unique indexes stay: they are what ON CONFLICT stands on.
INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i WHERE i.indrelid = to_regclass(%(table)s) AND NOT i.indisunique ORDER BY 1
"""
MORE_MEMORY = "SET LOCAL maintenance_work_mem = '256MB'"


@asynccontextmanager
async def bare(conn: AsyncConnection, table: str) -> AsyncGenerator[None]:
    """Leave `table` without foreign keys and secondary indexes inside the block; they are back when it ends well.

    Only for a table that is empty or nobody reads meanwhile: it is locked until the transaction ends. A role that does
    not own the table changes nothing and loads slowly.
    """
    owner = await (await conn.execute(MAY_REBUILD, {"table": table})).fetchone()
    if not owner or not owner[0]:
        yield
        return
    keys = await (await conn.execute(FOREIGN_KEYS, {"table": table})).fetchall()
    indexes = await (await conn.execute(INDEXES, {"table": table})).fetchall()
    name = sql.Identifier(table)
    for key, _ in keys:
        await conn.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(name, sql.Identifier(key)))
    for index, _ in indexes:
        await conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
    yield
    await conn.execute(MORE_MEMORY)
    for _, definition in indexes:
        await conn.execute(sql.SQL(definition))
    for key, definition in keys:
        await conn.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(name, sql.Identifier(key), sql.SQL(definition))
        )
