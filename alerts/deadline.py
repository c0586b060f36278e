"""When an incident must be dealt with: see `alerts.due` and `alerts.work_calendar`."""

from alerts.due import Limit, Unit, due, parse
from alerts.work_calendar import Calendar

__all__ = ["Calendar", "Limit", "Unit", "due", "parse"]
