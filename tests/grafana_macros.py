"""What Grafana's PostgreSQL data source does to a query before it runs it, for the macros and variables we use.

Source: grafana/grafana, pkg/tsdb/grafana-postgresql-datasource/macros.go (TimescaleDB switched on), and the formats of
template variables in Grafana's documentation. A macro that is not here is an error, so a typing mistake cannot pass.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")
_INTERVAL = re.compile(r"([0-9]+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def expand(sql: str, start: datetime, end: datetime, variables: Mapping[str, str | Sequence[str]]) -> str:
    """Give the SQL that reaches the database; variables first, as the browser replaces them before sending."""
    return _macros(_variables(sql, variables), start, end)


def _variables(sql: str, variables: Mapping[str, str | Sequence[str]]) -> str:
    def replace(match: re.Match[str]) -> str:
        name, form = match[1] or match[3], match[2]
        if match[3] and name.startswith("__") and name != "__interval":
            return match[0]
        value = variables[name]
        if form == "sqlstring":
            values = [value] if isinstance(value, str) else value
            return ",".join("'" + one.replace("'", "''") + "'" for one in values)
        if form is not None or not isinstance(value, str):
            raise ValueError(f"variable {name} needs a format we know, not {form}")
        return value

    return _VARIABLE.sub(replace, sql)


def _macros(sql: str, start: datetime, end: datetime) -> str:
    def group(column: str, interval: str) -> str:
        return f"time_bucket('{seconds(interval):.3f}s',{column})"

    table: Mapping[str, Callable[..., str]] = {
        "__time": lambda column: f'{column} AS "time"',
        "__timeFilter": lambda column: f"{column} BETWEEN '{start.isoformat()}' AND '{end.isoformat()}'",
        "__timeFrom": lambda: f"'{start.isoformat()}'",
        "__timeTo": lambda: f"'{end.isoformat()}'",
        "__timeGroup": group,
        "__timeGroupAlias": lambda column, interval: f'{group(column, interval)} AS "time"',
    }

    def replace(match: re.Match[str]) -> str:
        arguments = [argument.strip(" ") for argument in match[2].split(",")] if match[2] else []
        return table[match[1]](*arguments)

    return _MACRO.sub(replace, sql)


def seconds(interval: str) -> int:
    """Give the length of `5m` or `'1h'`."""
    match = _INTERVAL.fullmatch(interval.strip("'"))
    if match is None:
        raise ValueError(f"{interval} is no interval")
    return int(match[1]) * _SECONDS[match[2]]
