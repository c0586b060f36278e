"""The shape of rule test files as JSON Schema, for editors. Pure."""

from alerts.schema import DRAFT, TEXT, TEXTS, Schema, duration, one_or_more, record

_CLASS: Schema = {"type": "string", "pattern": "^[0-9]{4}$"}
_DEGREES: Schema = {"type": "number", "minimum": -180, "maximum": 180}
_POINT: Schema = {"type": "array", "items": _DEGREES, "minItems": 2, "maxItems": 2, "description": "[lon, lat]"}
_BOX: Schema = {**_POINT, "minItems": 4, "maxItems": 4, "description": "[west, south, east, north]"}
_NUMBER = {"type": ["string", "number"]}


def rule_tests() -> Schema:
    """Give the schema of a rule test file."""
    properties = {
        "rule_files": {"type": "array", "items": TEXT, "minItems": 1, "description": "Beside this file."},
        "evaluation_interval": duration("As promtool; read and not used for rules with keys of ours."),
        "group_eval_order": {"type": "array"},
        "fuzzy_compare": {"type": "boolean"},
        "tests": {"type": "array", "items": _test()},
        **_city(),
    }
    about = "Series in, incidents expected: the shape of promtool test rules."
    return {"$schema": DRAFT, "title": "CityGrid rule tests", **record(about, properties, ("rule_files", "tests"))}


def _named(item: Schema, description: str) -> Schema:
    return {"type": "object", "additionalProperties": item, "description": description}


def _city() -> Schema:
    device = record(
        "What stands behind a series.",
        {
            "profile": TEXT,
            "class": _CLASS,
            "district": {"type": "string", "pattern": "^[0-9]{6}$"},
            "interval": duration("How often it reports; the test's interval when left out."),
            "component": {**TEXT, "description": "Of the test's components."},
            "at": _POINT,
            "tags": one_or_more(TEXT, "Tags."),
            "subsystem": TEXT,
            "route": {**TEXT, "description": "Of the test's routes."},
        },
        ("profile",),
    )
    component = record(
        "What devices stand on.",
        {
            "class": _CLASS,
            "at": _POINT,
            "feeds": one_or_more(TEXT, "Components on its circuit."),
            "drains_to": {**TEXT, "description": "The next component down its pipe."},
        },
    )
    return {
        "devices": _named(device, "By the label in the series."),
        "components": _named(component, "By name."),
        "grids": _named(_BOX, "Patrol grids, by code."),
        "areas": _named(_BOX, "Areas, by name."),
        "routes": _named({"type": "array", "items": _POINT, "minItems": 2}, "Routes, by name."),
    }


def _test() -> Schema:
    def listed(about: str, properties: Schema, required: tuple[str, ...] = ()) -> Schema:
        return {"type": "array", "items": record(about, properties, required), "description": about}

    at = duration("Since the test's start.")
    alerts = listed("The alerts of the rule that fire then.", {"exp_labels": TEXTS, "exp_annotations": TEXTS})
    event = {"device": TEXT, "at": at, "kind": TEXT, "confidence": {"type": "number"}, "plate": TEXT}
    silence = {"matchers": one_or_more(TEXT, "Label matchers."), "from": at, "until": at, "reason": TEXT}
    check = {"eval_time": at, "alertname": TEXT, "exp_alerts": alerts}
    incident = {
        "rule": TEXT,
        "device": TEXT,
        "cell": TEXT,
        "fired": at,
        "resolved": at,
        "members": one_or_more(TEXT, "Labels of its devices."),
    }
    incidents = listed("The whole list of incidents of all rules.", incident, ("rule", "fired"))
    incidents["items"]["oneOf"] = [{"required": ["device"]}, {"required": ["cell"]}]
    suppressed = {"rule": TEXT, "device": TEXT, "by": {**TEXT, "description": "A rule, or silence."}}
    properties = {
        "name": TEXT,
        "interval": duration("From one sample to the next."),
        "start_timestamp": {**TEXT, "description": "When the clock starts."},
        "input_series": listed("What is measured.", {"series": TEXT, "values": _NUMBER}, ("series", "values")),
        "input_events": listed("What devices tell.", event, ("device", "at", "kind")),
        "silences": listed("What is held back.", silence, ("matchers", "from", "until")),
        "alert_rule_test": listed("What fires when.", check, ("eval_time", "alertname")),
        "exp_incidents": incidents,
        "exp_suppressed_by": listed("What fired and opened none.", suppressed, ("rule", "device", "by")),
        **_city(),
    }
    checks = ("alert_rule_test", "exp_incidents", "exp_suppressed_by")
    some = [{"required": [check]} for check in checks]
    return {**record("One test on a virtual clock.", properties, ("interval",)), "anyOf": some}
