"""Signing in at an OpenID provider, and programs with its access tokens: the right answers, and every wrong one."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.credentials import bearer
from tests.integration.api.city import NOW
from tests.integration.people.conftest import Scene, serving
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, fresh_key, running

AUDIENCE = "https://citygrid.example/api"
START = "/api/v1/session/oidc/start"


@pytest.fixture(scope="module")
def run_provider() -> Iterator[OpenIdProvider]:
    with running(NOW.timestamp) as provider:
        yield provider


@pytest.fixture(scope="module")
def run_site(people_url: str, run_provider: OpenIdProvider) -> Iterator[Scene]:
    terms = {
        "oidc_issuer": run_provider.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_title": "City Hall",
        "oidc_grants_claim": "realm.roles",
        "oidc_grants": "lubei=dispatcher@130203,viewer; boss=admin",
        "oidc_audience": AUDIENCE,
    }
    with serving(people_url, **terms) as scene:
        yield scene


@pytest.fixture
def provider(run_provider: OpenIdProvider) -> OpenIdProvider:
    """Each test has a subject of its own."""
    run_provider.subject = f"sub-{time.monotonic_ns()}"
    run_provider.claims, run_provider.unsigned, run_provider.hidden_key = {}, False, None
    return run_provider


@pytest.fixture
def site(run_site: Scene) -> Scene:
    return run_site


def walk(site: Scene, query: str = "") -> httpx2.Response:
    """Sign in as a browser does; gives the last answer, whose cookies are the browser's."""
    browser = site.browser()
    sent = browser.get(START + query)
    back = httpx2.get(sent.headers["location"], timeout=60)
    return browser.get(back.headers["location"])


def me(site: Scene, answer: httpx2.Response) -> dict[str, Any]:
    cookies = {"citygrid_session": answer.cookies["citygrid_session"]}
    return httpx2.get(f"{site.address}/api/v1/me", cookies=cookies, timeout=60).json()


def test_the_sign_in_page_knows_the_provider(site: Scene) -> None:
    assert site.browser().get("/api/v1/session").json() == {"password": True, "openid": "City Hall", "signed_in": None}


def test_who_the_provider_vouches_for_is_in_with_what_it_grants(site: Scene, provider: OpenIdProvider) -> None:
    provider.claims = {"preferred_username": "Lou", "name": "Lou Li", "realm": {"roles": ["lubei", "unknown"]}}

    answer = walk(site, "?return_to=/?incident=5")

    assert (answer.status_code, answer.headers["location"]) == (303, "/?incident=5")
    who = me(site, answer)
    assert (who["name"], who["display_name"], who["has_password"]) == ("lou", "Lou Li", False)
    assert [one["grant"] for one in who["grants"]] == ["dispatcher@130203", "viewer"]
    provider.claims["realm"] = {"roles": []}
    assert me(site, walk(site))["grants"] == []
    assert ("lou", "sign_in") in site.audited("lou")


def test_nobody_gets_an_account_by_choosing_its_name(site: Scene, provider: OpenIdProvider) -> None:
    site.add("admin-of-all", "admin")
    provider.claims = {"preferred_username": "admin-of-all"}

    who = me(site, walk(site))

    assert who["name"].startswith("admin-of-all-")
    assert who["grants"] == []


def test_a_disabled_account_stays_out(site: Scene, provider: OpenIdProvider) -> None:
    provider.claims = {"preferred_username": "mona"}
    walk(site)
    site.conn.execute("UPDATE account SET disabled_at = now() WHERE name = 'mona'")

    assert refused(walk(site))


def refused(answer: httpx2.Response) -> bool:
    return (
        answer.status_code == 303
        and answer.headers["location"] == "/login?problem=oidc"
        and "citygrid_session" not in answer.cookies
    )


HOUR_S = 3600
"""Times of claims are told from now."""


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another-client"]},
        {"azp": "another-client"},
        {"iss": "https://another.example"},
        {"exp": -HOUR_S},
        {"exp": None},
        {"sub": None},
        {"iat": HOUR_S},
    ],
    ids=str,
)
def test_an_answer_that_is_not_ours_or_not_fresh_is_refused(
    site: Scene, provider: OpenIdProvider, claims: dict[str, Any]
) -> None:
    times = {name: int(NOW.timestamp()) + claims[name] for name in ("exp", "iat") if claims.get(name)}
    provider.claims = claims | times

    assert refused(walk(site))


def test_an_unsigned_token_is_refused(site: Scene, provider: OpenIdProvider) -> None:
    provider.unsigned = True

    assert refused(walk(site))


def test_a_token_signed_by_another_key_of_the_same_name_is_refused(site: Scene, provider: OpenIdProvider) -> None:
    provider.hidden_key = fresh_key()

    assert refused(walk(site))


def test_the_answer_is_taken_from_the_browser_that_was_sent_and_once(site: Scene, provider: OpenIdProvider) -> None:
    victim, attacker = site.browser(), site.browser()
    back = httpx2.get(attacker.get(START).headers["location"], timeout=60).headers["location"]
    victim.get(START)

    assert refused(victim.get(back))
    cookies = dict(attacker.cookies)
    assert not refused(attacker.get(back))
    assert refused(httpx2.get(back, cookies=cookies, timeout=60))


@pytest.mark.parametrize("page", ["//evil.example", "https://evil.example", "/\\evil.example", "evil"])
def test_the_way_back_stays_on_our_pages(site: Scene, page: str) -> None:
    assert site.browser().get(START, params={"return_to": page}).status_code == 422


def test_an_access_token_lets_a_program_in_as_its_account(site: Scene, provider: OpenIdProvider) -> None:
    claims = {"aud": [AUDIENCE], "client_id": "night-job", "realm": {"roles": ["lubei"]}}

    answer = httpx2.get(f"{site.address}/api/v1/me", headers=bearer(provider.token(**claims)), timeout=60)

    assert answer.json()["name"] == "night-job"
    assert answer.json()["is_program"]
    assert [one["grant"] for one in answer.json()["grants"]] == ["dispatcher@130203", "viewer"]


@pytest.mark.parametrize(
    "claims",
    [{"aud": CLIENT_ID}, {"aud": AUDIENCE, "nonce": "n"}, {"aud": AUDIENCE, "typ": "ID"}, {"aud": AUDIENCE, "exp": 1}],
    ids=str,
)
def test_another_token_lets_no_program_in(site: Scene, provider: OpenIdProvider, claims: dict[str, Any]) -> None:
    answer = httpx2.get(f"{site.address}/api/v1/me", headers=bearer(provider.token(**claims)), timeout=60)

    assert answer.status_code == 401


def test_new_keys_of_the_provider_are_found_and_made_up_ones_do_not_bother_it(people_url: str) -> None:
    with running(NOW.timestamp) as fresh:
        terms = {"oidc_issuer": fresh.issuer, "oidc_client_id": CLIENT_ID, "oidc_audience": AUDIENCE}
        with serving(people_url, **terms) as site:
            clock = [0.0]
            site.app.state.services.authenticator.provider._monotonic = lambda: clock[0]

            def status() -> int:
                token = fresh.token(aud=AUDIENCE, jti=str(time.monotonic_ns()))
                return httpx2.get(f"{site.address}/api/v1/me", headers=bearer(token), timeout=60).status_code

            assert status() == 200
            fresh.rotate()
            assert status() == 401
            clock[0] = 31
            assert [status(), status()] == [200, 200]
            assert fresh.key_requests == 2
            fresh.rotate()
            assert [status() for _ in range(5)] == [401] * 5
            assert fresh.key_requests == 2
