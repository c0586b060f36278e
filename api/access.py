"""Who may do what: one table from operation to roles, held against every request by one dependency; default: nobody.

An operation is a route's function, by name: its `operationId`. A new route needs its line here, or nobody reaches it.
An administrator may do everything that is not public. Which rows somebody sees is `api.scope`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from fastapi import Request

from api.principal import Grant, Principal, Role, principal_of
from core.errors import NotGranted, NotSignedIn

Who = AbstractSet[Role] | None
"""Roles of which one is enough."""
PUBLIC: Who = None
"""Also who is not signed in."""
SIGNED_IN: Who = frozenset()
"""Everybody who is signed in, whatever is granted: one's own account."""

SEES: Who = frozenset(Role)
_DESK = frozenset({Role.OPERATOR, Role.SHIFT_LEADER})
_WORKFLOW = _DESK | {Role.DISPATCHER, Role.DEPARTMENT, Role.INSPECTOR}
_CENTRE = _DESK | {Role.DISPATCHER}
_ENGINEER = frozenset({Role.ENGINEER})
_ADMIN = frozenset({Role.ADMIN})

WHO: Mapping[str, Who] = {
    # health, documentation, the pages' own files
    "check_alive": PUBLIC,
    "check_ready": PUBLIC,
    "get_metrics": PUBLIC,
    "get_docs": PUBLIC,
    "get_console": PUBLIC,
    # signing in; one's own account; everybody's, for administrators of the whole city (`api.people`)
    "show_ways_in": PUBLIC,
    "start_oidc": PUBLIC,
    "finish_oidc": PUBLIC,
    "open_session": PUBLIC,
    "end_session": PUBLIC,
    "show_me": SIGNED_IN,
    "change_me": SIGNED_IN,
    "change_password": SIGNED_IN,
    "list_keys": SIGNED_IN,
    "make_key": SIGNED_IN,
    "revoke_key": SIGNED_IN,
    "list_my_sessions": SIGNED_IN,
    "end_my_session": SIGNED_IN,
    "list_accounts": _ADMIN,
    "add_account": _ADMIN,
    "show_account": _ADMIN,
    "change_account": _ADMIN,
    "end_account_sessions": _ADMIN,
    "list_account_keys": _ADMIN,
    "revoke_account_key": _ADMIN,
    "list_audit": _ADMIN,
    "export_audit": _ADMIN,
    # for citizens: what the city opens, without an account
    "list_public_kinds": PUBLIC,
    "list_public_places": PUBLIC,
    "get_public_tile": PUBLIC,
    # catalogue, components
    "list_classes": SEES,
    "list_departments": SEES,
    "list_department_history": SEES,
    "list_components": SEES,
    "list_near_components": SEES,
    "list_components_in_box": SEES,
    "list_components_in_polygon": SEES,
    "show_component": SEES,
    "search_city": SEES,
    "list_component_history": SEES,
    # who answers for components
    "add_department": _ENGINEER,
    "change_department": _ENGINEER,
    "retire_department": _ENGINEER,
    "merge_department": _ENGINEER,
    "list_unclear_ownership": SEES,
    "export_unclear_ownership": SEES,
    "count_unclear_ownership": SEES,
    "show_dispatch_share": SEES,
    "assign_ownership": _ENGINEER,
    # editions, codes, surveys
    "list_editions": SEES,
    "list_edition_classes": SEES,
    "list_class_successors": SEES,
    "list_issued_codes": SEES,
    "issue_codes": _ENGINEER,
    "list_surveys": SEES,
    "show_survey": SEES,
    "list_survey_findings": SEES,
    "export_survey_findings": SEES,
    "map_survey_findings": SEES,
    "import_survey": _ENGINEER,
    "export_refused_rows": SEES,
    # devices and what they say
    "register_device": _ENGINEER,
    "register_devices_in_bulk": _ENGINEER,
    "print_labels": _ENGINEER,
    "list_fittings": SEES,
    "list_devices": SEES,
    "list_live_devices": SEES,
    "show_device": SEES,
    "show_device_history": SEES,
    "show_device_health": SEES,
    "show_last_message": _ENGINEER,
    "describe_device": _ENGINEER,
    "list_component_devices": SEES,
    "list_component_readings": SEES,
    "move_device": _ENGINEER,
    "replace_device": _ENGINEER,
    "list_device_types": SEES,
    "show_coverage": SEES,
    "show_device_type": SEES,
    "list_unknown_devices": _ENGINEER,
    "register_unknown_device": _ENGINEER,
    "ignore_unknown_device": _ENGINEER,
    "notice_unknown_device": _ENGINEER,
    "list_possible_commands": SEES,
    "list_commands": SEES,
    "claim_identity": PUBLIC,  # a device, with the key of its batch
    "renew_certificate": PUBLIC,  # a device, with the key of the certificate it has
    "sign_certificate": _ENGINEER,
    "list_device_certificates": _ENGINEER,
    "list_ending_certificates": _ENGINEER,
    "revoke_certificate": _ENGINEER,
    "give_command": _DESK | _ENGINEER | {Role.DISPATCHER},
    "cancel_command": _DESK | _ENGINEER | {Role.DISPATCHER},
    "show_latest_reading": SEES,
    "list_readings": SEES,
    "aggregate_readings": SEES,
    "list_events": SEES,
    # places
    "list_unit_grids": SEES,
    "list_patrol_grids": SEES,
    "list_grid_versions": SEES,
    "list_grid_findings": SEES,
    "draw_grid_findings": SEES,
    "list_grid_moves": SEES,
    "import_grids": _ENGINEER,
    "activate_grids": _ENGINEER,
    "list_areas": SEES,
    "list_watched_areas": SEES,
    "locate_point": SEES,
    "get_component_tile": SEES,
    "get_grid_tile": SEES,
    # for geographic information systems
    "get_ogc_landing": SEES,
    "get_ogc_landing_slash": SEES,
    "get_ogc_conformance": SEES,
    "get_ogc_definition": SEES,
    "list_ogc_collections": SEES,
    "show_ogc_collection": SEES,
    "show_ogc_queryables": SEES,
    "show_ogc_schema": SEES,
    "list_ogc_items": SEES,
    "show_ogc_item": SEES,
    "list_tile_matrix_sets": SEES,
    "show_tile_matrix_set": SEES,
    "list_ogc_tilesets": SEES,
    "show_ogc_tileset": SEES,
    "show_ogc_tilejson": SEES,
    "export_layer": SEES,
    # incidents: the state machine says which role takes which step (`alerts.incident`)
    "list_incidents": SEES,
    "show_incident": SEES,
    "explain_incident": SEES,
    "list_actions": SEES,
    "report_incident": _DESK | {Role.INSPECTOR},
    "act_on_incident": _WORKFLOW,
    # live, counts, evaluation
    "follow_events": SEES,
    "show_summary": SEES,
    "evaluate": SEES,
    "evaluate_devices": SEES,
    # rules and what is held back
    "rules_in_force": SEES,
    "rule_versions": SEES,
    "rule_version": SEES,
    "list_silences": SEES,
    "show_silence": SEES,
    "list_muted": SEES,
    "create_silence": _CENTRE | _ENGINEER | {Role.RULE_AUTHOR},
    "end_silence": _CENTRE | _ENGINEER | {Role.RULE_AUTHOR},
    # what was told to whom, and what came and could not be accepted
    "list_notices": _CENTRE,
    "count_notices": _CENTRE,
    "list_dead_letters": _ENGINEER,
    "count_dead_letters": _ENGINEER,
    "show_dead_letter": _ENGINEER,
}


def granting(principal: Principal | None, operation: str) -> Sequence[Grant] | None:
    """Give the grants by which somebody may do an operation; None = everybody may, whatever they hold.

    Raises: `NotSignedIn`; `NotGranted`, naming the roles that may.
    """
    if operation in WHO and WHO[operation] is PUBLIC:
        return None
    if principal is None:
        raise NotSignedIn("Sign in first, or send an API key.")
    who = WHO.get(operation, frozenset({Role.ADMIN})) or frozenset[Role]()
    if operation in WHO and not who:
        return None
    held = held_as(principal.grants, who)
    if not held:
        raise NotGranted(f"{operation} is for {names(who)}; {principal.name} is {names(principal.roles)}")
    return held


def held_as(grants: Iterable[Grant], roles: AbstractSet[Role]) -> Sequence[Grant]:
    """Give the grants that are one of the roles; an administrator's always is."""
    return [grant for grant in grants if grant.role in roles or grant.role is Role.ADMIN]


def names(roles: AbstractSet[Role]) -> str:
    """Give roles as a sentence names them, in their usual order."""
    return ", ".join(role.value for role in Role if role in roles) or "nothing"


def admit(request: Request) -> None:
    """Refuse who may not do what is asked; app-wide. Keeps by which grants somebody may, for `api.services`."""
    operation = getattr(request.scope.get("route"), "name", "")
    request.state.grants = granting(principal_of(request), operation)
