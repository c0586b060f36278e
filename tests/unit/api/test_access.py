"""The table of who may do what: whole, and read as it says."""

import pytest
from fastapi.routing import APIRoute

from api import console, docs
from api.access import PUBLIC, SIGNED_IN, WHO, granting
from api.app import ROUTERS, describe_api
from api.principal import Grant, Kind, Principal, Role
from api.routes import ogc
from core.errors import NotGranted, NotSignedIn


def operations() -> set[str]:
    described = {item["operationId"] for methods in describe_api()["paths"].values() for item in methods.values()}
    hidden = [route for module in (*ROUTERS, docs, console, ogc) for route in module.router.routes]
    return described | {route.name for route in hidden if isinstance(route, APIRoute)}


def holding(*grants: Grant) -> Principal:
    return Principal(name="wang", kind=Kind.PERSON, grants=grants)


def test_every_operation_stands_in_the_table():
    missing = operations() - set(WHO)

    assert not missing, f"api/access.py lacks {sorted(missing)}: nobody may do them"


def test_the_table_names_no_operation_that_is_gone():
    assert set(WHO) <= operations()


def test_an_operation_outside_the_table_is_for_administrators_only():
    with pytest.raises(NotGranted, match="admin"):
        granting(holding(*(Grant(role=role) for role in Role if role is not Role.ADMIN)), "no_such_operation")


def test_who_is_not_signed_in_reaches_only_what_is_public():
    for operation, who in WHO.items():
        if who is PUBLIC:
            assert granting(None, operation) is None
        else:
            with pytest.raises(NotSignedIn):
                granting(None, operation)


def test_who_was_granted_nothing_reaches_only_their_own_account():
    for operation, who in WHO.items():
        if who in (PUBLIC, SIGNED_IN):
            assert granting(holding(), operation) is None
        else:
            with pytest.raises(NotGranted):
                granting(holding(), operation)


def test_only_the_grants_that_may_count():
    here = Grant(role=Role.DISPATCHER, area_code="130203")
    there = Grant(role=Role.VIEWER, area_code="130202")

    assert granting(holding(here, there), "act_on_incident") == [here]
    assert granting(holding(here, there), "list_incidents") == [here, there]


def test_a_refusal_names_who_may():
    with pytest.raises(NotGranted, match=r"report_incident is for operator, shift_leader, inspector; wang is viewer"):
        granting(holding(Grant(role=Role.VIEWER)), "report_incident")
