"""The shape of rule files and rule test files as JSON Schema, for editors: completion, hints, mistakes while one types.

It says what a schema can say. Whether an expression is right, names exist and keys fit together, `citygrid rules lint`
says. Draft 07: what editors' YAML language servers know. Pure.
"""

from typing import Any

from alerts.deadline import Unit
from alerts.rule import FILES, MODES, ON_RECOVERY, Severity
from alerts.schedule import MONTHS, WEEKDAYS
from alerts.together import PLACES

Schema = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_LENGTH = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(m|km)$", "examples": ["300m", "1.5km"]}
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
_NUMBER_OF_DEVICES: Schema = {"type": "integer", "minimum": 1, "maximum": 999_999}


def _duration(description: str) -> Schema:
    pattern = r"^(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$"
    return {
        "description": description,
        "anyOf": [{"type": "string", "minLength": 1, "pattern": pattern}, {"const": 0}],
        "examples": ["20s", "5m", "1h30m"],
    }


def _object(description: str, properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }


def _one_or_more(item: Schema, description: str) -> Schema:
    return {"description": description, "anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _words(known: tuple[str, ...], description: str) -> Schema:
    return {"description": description, "enum": list(known)}


def rules() -> Schema:
    """Give the schema of a rule file."""
    inhibit = _object(
        "While a source stands, targets with the same values of the `equal` labels are held back (Alertmanager).",
        {
            "name": _TEXT,
            "source_matchers": {"type": "array", "items": _TEXT, "minItems": 1},
            "target_matchers": {"type": "array", "items": _TEXT, "minItems": 1},
            "equal": _one_or_more({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, "Labels."),
        },
        ("source_matchers", "target_matchers"),
    )
    properties = {"groups": {"type": "array", "items": _group()}, "inhibit_rules": {"type": "array", "items": inhibit}}
    return {"$schema": _DRAFT, "title": "CityGrid rules", **_object("Rules of a city.", properties, ("groups",))}


def _group() -> Schema:
    return _object(
        "Rules that belong together.",
        {
            "name": {"description": "A name for people.", "type": "string", "minLength": 1},
            "interval": _duration("Read and without effect: rules run as readings arrive."),
            "query_offset": _duration("Rules see readings this long after their time, in order of event time."),
            "labels": {**_TEXTS, "description": "Labels of all rules of the group."},
            "rules": {"type": "array", "items": _rule()},
        },
        ("name", "rules"),
    )


def _rule() -> Schema:
    expression = {"type": "string", "minLength": 1, "maxLength": 2000}
    return {
        **_object(
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
                "for": _duration("How long expr holds before the rule fires, by event time."),
                "keep_firing_for": _duration("How long the recovery holds before the rule recovers, by event time."),
                "labels": {**_TEXTS, "description": "Labels; severity is one of " + ", ".join(Severity) + "."},
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
                "same_place": _object(
                    "Reports from one spot, of devices that stand on no component, are one case.",
                    {"radius": _LENGTH, "within": _duration("Since the newest report.")},
                    ("radius", "within"),
                ),
                "raises": _raises(),
                "source": {"description": "Where the numbers come from, or that they are our choice.", **_TEXT},
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
        "kind": _one_or_more(kind, "What is told."),
        "confidence": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    }
    return _object("In place of expr: a fact a device tells, such as a camera's detection.", properties, ("kind",))


def _scope() -> Schema:
    name = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
    return _object(
        "The devices the rule looks at; each key narrows, each list is any of its words.",
        {
            "profile": _one_or_more(name, "Device profiles."),
            "class": _one_or_more({"type": "string", "pattern": "^[0-9]{4}$"}, 'Component classes, quoted: "0101".'),
            "subsystem": _one_or_more(name, "Subsystems of the city."),
            "district": _one_or_more({"type": "string", "pattern": "^[0-9]{6}$"}, 'Districts, quoted: "130202".'),
            "grid": _one_or_more({"type": "string", "pattern": "^[0-9A-Za-z-]{6,20}$"}, "Patrol grids or unit grids."),
            "tag": _one_or_more({"type": "string", "pattern": r"^[^\s,{}]{1,64}$"}, "Tags of devices."),
        },
        ("profile",),
    )


def _together() -> Schema:
    share: Schema = {"type": "number", "exclusiveMinimum": 0}
    return {
        **_object(
            "Many devices in one place are one case. At least one of at_least, share and per_km2.",
            {
                "in": _words(PLACES, "What makes devices neighbours."),
                "radius": {**_LENGTH, "description": "With in: radius."},
                "at_least": {**_NUMBER_OF_DEVICES, "description": "So many devices."},
                "share": {**share, "maximum": 1, "description": "This share of the rule's devices in the place."},
                "per_km2": {**share, "maximum": 1e6, "description": "So many devices a square kilometre."},
                "within": _duration("How long a device counts after it began to fire."),
                "merge": {"type": "boolean", "description": "Whether cases in grids that touch become one."},
                "clear_below": {**_NUMBER_OF_DEVICES, "description": "Recovers when fewer than this count."},
                "replaces": _one_or_more({"type": "string", "pattern": "^[A-Z][A-Za-z0-9]*$"}, "Rules it stands for."),
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
    return _object(
        "What the incident carries.",
        {
            "deadline": {
                "description": "The limit where the city's table has none: an amount and a unit.",
                "type": "string",
                "pattern": rf"^\d+(\.\d+)?\s+({units})$",
                "examples": ["2 urgent_hour", "1 work_day"],
            },
            "class": {"type": "string", "pattern": "^[0-9]{4}$", "description": "The class that is filed, quoted."},
            "condition": {**_TEXT, "description": "The filing condition, as the city's table names it."},
            "files": _words(FILES, "by_itself: filed at once; after_check: an acceptor has it verified first."),
            "on_recovery": _words(ON_RECOVERY, "check: a recovery asks for a check; close: it closes."),
            "department": _object(
                "Who gets it when the component names nobody.", {"zh": _TEXT, "en": _TEXT}, ("zh", "en")
            ),
        },
        ("deadline",),
    )


def _schedule() -> Schema:
    def spans(names: tuple[str, ...], number: str, numbers: tuple[int, int], description: str) -> Schema:
        either = "|".join([*names, *([number] if number else [])])
        text = {"type": "string", "pattern": f"^({either})(:({either}))?$"}
        bare = {"type": "integer", "minimum": numbers[0], "maximum": numbers[1], "not": {"const": 0}}
        return _one_or_more({"anyOf": [text, bare]} if number else text, description)

    clock = {"type": "string", "pattern": r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"}
    times = _object(
        "From start_time up to end_time.", {"start_time": clock, "end_time": clock}, ("start_time", "end_time")
    )
    interval = _object(
        "Times that fulfil every list given (Alertmanager's time_intervals).",
        {
            "times": _one_or_more(times, "Times of the day, quoted: '08:30'."),
            "weekdays": spans(WEEKDAYS, "", (0, 0), "E.g. 'monday:friday'."),
            "days_of_month": spans((), r"-?([1-9]|[12]\d|3[01])", (-31, 31), "E.g. '1:5', or '-1' for the last."),
            "months": spans(MONTHS, "[1-9]|1[0-2]", (1, 12), "E.g. 'may:august' or '5:8'."),
            "years": spans((), r"[12]\d{3}", (1000, 2999), "E.g. '2026:2028'."),
            "location": {**_TEXT, "description": "A time zone; the city's own when left out."},
        },
    )
    return _one_or_more(interval, "When the rule looks at all, in the city's time.")


def rule_tests() -> Schema:
    """Give the schema of a rule test file."""
    device = _object(
        "What stands behind a series.",
        {
            "profile": _TEXT,
            "class": {"type": "string", "pattern": "^[0-9]{4}$"},
            "district": {"type": "string", "pattern": "^[0-9]{6}$"},
            "interval": _duration("How often it reports; the test's interval when left out."),
        },
        ("profile",),
    )
    devices = {"type": "object", "additionalProperties": device, "description": "By the label in the series."}
    return {
        "$schema": _DRAFT,
        "title": "CityGrid rule tests",
        **_object(
            "Series in, incidents expected: the shape of promtool test rules.",
            {
                "rule_files": {"type": "array", "items": _TEXT, "minItems": 1},
                "evaluation_interval": _duration("As promtool; read and not used for rules with keys of ours."),
                "group_eval_order": {"type": "array"},
                "fuzzy_compare": {"type": "boolean"},
                "devices": devices,
                "tests": {"type": "array", "items": _test(devices)},
            },
            ("rule_files", "tests"),
        ),
    }


def _test(devices: Schema) -> Schema:
    series = {"series": _TEXT, "values": {"type": ["string", "number"]}}
    alert = {"exp_labels": _TEXTS, "exp_annotations": _TEXTS}
    check = {
        "eval_time": _duration("When."),
        "alertname": _TEXT,
        "exp_alerts": {"type": "array", "items": _object("An alert that fires.", alert)},
    }
    incident = {"rule": _TEXT, "device": _TEXT, "fired": _duration("When."), "resolved": _duration("When.")}
    return {
        **_object(
            "One test on a virtual clock.",
            {
                "name": _TEXT,
                "interval": _duration("From one sample to the next."),
                "start_timestamp": {**_TEXT, "description": "When the clock starts."},
                "input_series": {"type": "array", "items": _object("A series.", series, ("series", "values"))},
                "devices": devices,
                "alert_rule_test": {"type": "array", "items": _object("A check.", check, ("eval_time", "alertname"))},
                "exp_incidents": {
                    "type": "array",
                    "items": _object("An incident.", incident, ("rule", "device", "fired")),
                    "description": "The whole list of incidents of all rules.",
                },
            },
            ("interval",),
        ),
        "anyOf": [{"required": ["alert_rule_test"]}, {"required": ["exp_incidents"]}],
    }
