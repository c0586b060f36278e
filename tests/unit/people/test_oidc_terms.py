"""What an installation says of its OpenID provider, and what claims mean here."""

from typing import Any

import pytest

from core.errors import InvalidInput
from people.grant import parsed
from people.oidc_terms import OidcTerms, claimed, mapping, other_name


def terms(**changes: Any) -> OidcTerms:
    return OidcTerms(**{"issuer": "https://id.example", "client_id": "citygrid", "grants": {}, **changes})


@pytest.mark.parametrize(
    "changes", [{"issuer": "http://id.example"}, {"client_id": ""}, {"audience": "citygrid"}, {"issuer": "id.example"}]
)
def test_terms_that_would_not_be_safe_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        terms(**changes)


def test_groups_grant_what_the_setting_says() -> None:
    read = mapping("lubei=dispatcher@130203, viewer; boss=admin;")

    assert read == {"lubei": (parsed("dispatcher@130203"), parsed("viewer")), "boss": (parsed("admin"),)}
    who = claimed(
        terms(grants=read, grants_claim="realm.roles"), {"sub": "1", "exp": 9, "realm": {"roles": ["boss", 7]}}
    )
    assert who.grants == (parsed("admin"),)


@pytest.mark.parametrize("claim", [None, 5, {"boss": True}, [["boss"]], "Boss"])
def test_a_claim_of_another_shape_grants_nothing(claim: object) -> None:
    who = claimed(terms(grants=mapping("boss=admin")), {"sub": "1", "exp": 9, "groups": claim})

    assert who.grants == ()


def test_without_a_mapping_the_provider_says_nothing_of_grants() -> None:
    assert claimed(terms(), {"sub": "1", "exp": 9, "groups": ["admin"]}).grants is None


@pytest.mark.parametrize(
    ("claims", "name"),
    [({"preferred_username": "Li Min/admin"}, "li-min-admin"), ({"email": "li@example.cn"}, "li@example.cn"),
     ({"preferred_username": "李敏"}, "oidc-6b86b273"), ({"preferred_username": "-.-"}, "oidc-6b86b273")],
)  # fmt: skip
def test_a_name_becomes_one_that_an_account_may_have(claims: dict[str, str], name: str) -> None:
    who = claimed(terms(), {"sub": "1", "exp": 9, **claims})

    assert who.name == name
    assert other_name(who) == f"{name}-6b86b273"


@pytest.mark.parametrize("text", ["admin", "=admin", "boss=king", "boss="])
def test_a_mapping_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        mapping(text)
