"""The shape of rule files as JSON Schema, for editors: completion, hints, mistakes while one types.

It says what a schema can say. Whether an expression is right, names exist and keys fit together, `citygrid rules lint`
says. Draft 07: what editors' YAML language servers know. Pure.
"""

from typing import Any

from alerts.due import Unit
from alerts.rule import FILES, MODES, ON_RECOVERY, Severity
from alerts.schedule import MONTHS, WEEKDAYS
from alerts.together import PLACES

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
_LENGTH = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(m|km)$", "examples": ["300m", "1.5km"]}
TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
_NUMBER_OF_DEVICES: Schema = {"type": "integer", "minimum": 1, "maximum": 999_999}


def duration(description: str) -> Schema:
    """Give the schema of a duration."""
    pattern = r"^(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$"
    return {
        "description": description,
        "anyOf": [{"type": "string", "minLength": 1, "pattern": pattern}, {"const": 0}],
        "examples": ["20s", "5m", "1h30m"],
    }


def record(description: str, properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    """Give the schema of a mapping with these keys and no others."""
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }


def one_or_more(item: Schema, description: str) -> Schema:
    """Give the schema of one thing or a list of such."""
    return {"description": description, "anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _words(known: tuple[str, ...], description: str) -> Schema:
    return {"description": description, "enum": list(known)}


def rules() -> Schema:
    """Give the schema of a rule file."""
    inhibit = record(
        "While a source stands, targets with the same values of the `equal` labels are held back (Alertmanager).",
        {
            "name": TEXT,
            "source_matchers": {"type": "array", "items": TEXT, "minItems": 1},
            "target_matchers": {"type": "array", "items": TEXT, "minItems": 1},
            "equal": one_or_more({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, "Labels."),
        },
        ("source_matchers", "target_matchers"),
    )
    properties = {"groups": {"type": "array", "items": _group()}, "inhibit_rules": {"type": "array", "items": inhibit}}
    return {"$schema": DRAFT, "title": "CityGrid rules", **record("Rules of a city.", properties, ("groups",))}


def _group() -> Schema:
    return record(
        "Rules that belong together.",
        {
            "name": {"description": "A name for people.", "type": "string", "minLength": 1},
            "interval": duration("Read and without effect: rules run as readings arrive."),
            "query_offset": duration("Rules see readings this long after their time, in order of event time."),
            "labels": {**TEXTS, "description": "Labels of all rules of the group."},
            "rules": {"type": "array", "items": _rule()},
        },
        ("name", "rules"),
    )


def _rule() -> Schema:
    expression = {"type": "string", "minLength": 1, "maxLength": 2000}
    return {
        **record(
            "A rule: what it watches, where, and what it raises.",
            {
                "alert": {"description": "A CamelCase name.", "type": "string", "pattern": "^[A-Z][A-Za-z0-9]*$"},
                "expr": {**expression, "description": "The condition, e.g. tilt_deg > 15. See docs/rules.md."},
                "clear": {**expression, "description": "When a firing rule recovers; without it, when expr fails."},
                "absent_for": {
                    "description": "In place of expr: a silence of the device's intervals, or of a time.",
                    "type": "string",
                    "pattern": r"^(\d+(\.\d+)?\s+intervals?|(\d+(ms|[ywdhms]))+)$",
                    "examples": ["3 intervals", "2h"],
                },
                "event": _event(),
                "for": duration("How long expr holds before the rule fires, by event time."),
                "keep_firing_for": duration("How long the recovery holds before the rule recovers, by event time."),
                "labels": {**TEXTS, "description": "Labels; severity is one of " + ", ".join(Severity) + "."},
                "annotations": {
                    "description": "Texts for people; {{ $value }} and {{ $labels.device }} are filled in.",
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "required": ["summary", "summary_zh"],
                },
                "scope": _scope(),
                "schedule": _schedule(),
                "mode": _words(MODES, "shadow: runs beside the live rules and raises nothing."),
                "together": _together(),
                "same_place": record(
                    "Reports from one spot, of devices that stand on no component, are one case.",
                    {"radius": _LENGTH, "within": duration("Since the newest report.")},
                    ("radius", "within"),
                ),
                "raises": _raises(),
                "source": {"description": "Where the numbers come from, or that they are our choice.", **TEXT},
            },
            ("alert", "scope", "raises", "annotations"),
        ),
        "oneOf": [{"required": ["expr"]}, {"required": ["absent_for"]}, {"required": ["event"]}],
        "dependencies": {"clear": ["expr"]},
        "not": {"required": ["together", "same_place"]},
    }


def _event() -> Schema:
    kind = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
    properties = {
        "kind": one_or_more(kind, "What is told."),
        "confidence": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    }
    return record("In place of expr: a fact a device tells, such as a camera's detection.", properties, ("kind",))


def _scope() -> Schema:
    name = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
    return record(
        "The devices the rule looks at; each key narrows, each list is any of its words.",
        {
            "profile": one_or_more(name, "Device profiles."),
            "class": one_or_more({"type": "string", "pattern": "^[0-9]{4}$"}, 'Component classes, quoted: "0101".'),
            "subsystem": one_or_more(name, "Subsystems of the city."),
            "district": one_or_more({"type": "string", "pattern": "^[0-9]{6}$"}, 'Districts, quoted: "130202".'),
            "grid": one_or_more({"type": "string", "pattern": "^[0-9A-Za-z-]{6,20}$"}, "Patrol grids or unit grids."),
            "tag": one_or_more({"type": "string", "pattern": r"^[^\s,{}]{1,64}$"}, "Tags of devices."),
        },
        ("profile",),
    )


def _together() -> Schema:
    share: Schema = {"type": "number", "exclusiveMinimum": 0}
    return {
        **record(
            "Many devices in one place are one case. At least one of at_least, share and per_km2.",
            {
                "in": _words(PLACES, "What makes devices neighbours."),
                "radius": {**_LENGTH, "description": "With in: radius."},
                "at_least": {**_NUMBER_OF_DEVICES, "description": "So many devices."},
                "share": {**share, "maximum": 1, "description": "This share of the rule's devices in the place."},
                "per_km2": {**share, "maximum": 1e6, "description": "So many devices a square kilometre."},
                "within": duration("How long a device counts after it began to fire."),
                "merge": {"type": "boolean", "description": "Whether cases in grids that touch become one."},
                "clear_below": {**_NUMBER_OF_DEVICES, "description": "Recovers when fewer than this count."},
                "replaces": one_or_more({"type": "string", "pattern": "^[A-Z][A-Za-z0-9]*$"}, "Rules it stands for."),
            },
            ("in",),
        ),
        "anyOf": [{"required": ["at_least"]}, {"required": ["share"]}, {"required": ["per_km2"]}],
        "if": {"properties": {"in": {"const": "radius"}}, "required": ["in"]},
        "then": {"required": ["radius"]},
        "else": {"not": {"required": ["radius"]}},
    }


def _raises() -> Schema:
    units = "|".join(unit.value for unit in Unit)
    return record(
        "What the incident carries.",
        {
            "deadline": {
                "description": "The limit where the city's table has none: an amount and a unit.",
                "type": "string",
                "pattern": rf"^\d+(\.\d+)?\s+({units})$",
                "examples": ["2 urgent_hour", "1 work_day"],
            },
            "class": {"type": "string", "pattern": "^E?[0-9]{4}$", "description": "The class that is filed, quoted."},
            "condition": {**TEXT, "description": "The filing condition, as the city's table names it."},
            "files": _words(FILES, "by_itself: filed at once; after_check: an acceptor has it verified first."),
            "on_recovery": _words(ON_RECOVERY, "check: a recovery asks for a check; close: it closes."),
            "department": record(
                "Who gets it when the component names nobody.", {"zh": TEXT, "en": TEXT}, ("zh", "en")
            ),
        },
        ("deadline",),
    )


def _schedule() -> Schema:
    def spans(names: tuple[str, ...], number: str, numbers: tuple[int, int], description: str) -> Schema:
        either = "|".join([*names, *([number] if number else [])])
        text = {"type": "string", "pattern": f"^({either})(:({either}))?$"}
        bare = {"type": "integer", "minimum": numbers[0], "maximum": numbers[1], "not": {"const": 0}}
        return one_or_more({"anyOf": [text, bare]} if number else text, description)

    clock = {"type": "string", "pattern": r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"}
    times = record(
        "From start_time up to end_time.", {"start_time": clock, "end_time": clock}, ("start_time", "end_time")
    )
    interval = record(
        "Times that fulfil every list given (Alertmanager's time_intervals).",
        {
            "times": one_or_more(times, "Times of the day, quoted: '08:30'."),
            "weekdays": spans(WEEKDAYS, "", (0, 0), "E.g. 'monday:friday'."),
            "days_of_month": spans((), r"-?([1-9]|[12]\d|3[01])", (-31, 31), "E.g. '1:5', or '-1' for the last."),
            "months": spans(MONTHS, "[1-9]|1[0-2]", (1, 12), "E.g. 'may:august' or '5:8'."),
            "years": spans((), r"[12]\d{3}", (1000, 2999), "E.g. '2026:2028'."),
            "location": {**TEXT, "description": "A time zone; the city's own when left out."},
        },
    )
    return one_or_more(interval, "When the rule looks at all, in the city's time.")
