"""HTTP for devices' certificates: signed for an engineer, renewed by the device itself, listed, revoked."""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import paging
from api.paging import Cursor, Limit, Page
from api.principal import Person
from api.routes.devices import Label
from api.services import Services, Use
from core.errors import InvalidInput, NotFound
from devices import certificates
from devices.authority import MOST_PEM, Signed
from devices.certificates import Ending, Renewal
from devices.identities import Holder
from devices.model import Change
from storage.queries import devices

router = APIRouter(tags=["devices"])

Pem = Annotated[str, Field(min_length=1, max_length=MOST_PEM, pattern=r"^[\x20-\x7e\r\n\t]*$")]
Serial = Annotated[str, Path(pattern="^[0-9a-f]{1,40}$", examples=["3fa9c0d2"])]
LONGEST_DAYS = 3650


class SignCommand(BaseModel):
    """What a device asks to be signed; its key stays where it is."""

    model_config = ConfigDict(extra="forbid")

    request: Pem = Field(
        description="PKCS #10 in PEM. The common name is left out or the user name; the key is P-256, P-384, P-521,"
        " Ed25519, or RSA of 2,048 bits or more."
    )


class RenewCommand(BaseModel):
    """What a device says to get its next certificate."""

    model_config = ConfigDict(extra="forbid")

    certificate: Pem = Field(description="The one it has, in PEM; it must not have ended.")
    request: Pem = Field(description="PKCS #10 in PEM, with the same key or a new one.")
    signature: str = Field(
        min_length=1,
        max_length=2048,
        pattern="^[A-Za-z0-9+/=]*$",
        description="Base64. Over the request's DER, by the key of the certificate it has: ECDSA or PKCS #1 v1.5 with"
        " SHA-256, or Ed25519.",
    )


class RevokeCommand(BaseModel):
    """Why it no longer counts."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: str = Field(default="", max_length=2000, pattern=r"^[^\x00]*$")


class SignedCertificate(BaseModel):
    """A certificate, and what the device knows the broker by."""

    serial: str
    user_name: str = Field(description="Whom it enters as; also the middle of its topics.")
    not_before: datetime
    not_after: datetime
    certificate: str = Field(description="PEM.")
    authority: str = Field(description="PEM of the city's device authority.")


class KnownCertificate(BaseModel):
    """What the registry knows of a certificate."""

    serial: str
    label: str
    holder: str = Field(description="`device` or `gateway`.")
    user_name: str
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    issued_by: str = Field(description="Who had it signed; `certificate ...` = the device itself renewed that one.")
    revoked_at: datetime | None
    days_left: int = Field(description="Whole days until its end; below 0 it has ended.")


class KnownCertificates(BaseModel):
    """All certificates a device ever had, the longest lasting first."""

    items: list[KnownCertificate]


class RevokedCertificate(BaseModel):
    """The one that no longer counts."""

    serial: str


@router.post("/devices/{label}/certificates", status_code=201)
async def sign_certificate(
    label: Label, command: SignCommand, services: Use, person: Person, response: Response
) -> SignedCertificate:
    """Sign a device's request: it enters the broker by certificate from now on; another it has counts to its end."""
    by = Change(now=services.clock(), actor=person.name)
    signer = services.signer()
    async with services.writing() as conn:
        signed = await certificates.sign(conn, Holder(label=label), command.request, signer, services.profiles, by)
    return _given(signed, services, response)


@router.get("/devices/{label}/certificates")
async def list_device_certificates(label: Label, services: Use) -> KnownCertificates:
    """List the certificates that a device has and had."""
    async with services.reading() as conn:
        if await devices.show(conn, label) is None:
            raise NotFound(f"no device {label}")
        rows = await certificates.of(conn, label)
    known = [row for row in rows if row["holder"] == "device"]
    return KnownCertificates(items=[_known(row, services.clock()) for row in known])


@router.post("/devices/{label}/certificates/{serial}/revocation")
async def revoke_certificate(
    label: Label, serial: Serial, command: RevokeCommand, services: Use, person: Person
) -> RevokedCertificate:
    """End one certificate of a device; a live connection ends within seconds."""
    by = Change(now=services.clock(), actor=person.name, reason=command.reason)
    async with services.writing() as conn:
        await certificates.revoke(conn, Holder(label=label), serial, by)
    return RevokedCertificate(serial=serial)


@router.get("/device-certificates")
async def list_ending_certificates(
    services: Use,
    ends_within_days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = 30,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[KnownCertificate]:
    """List certificates of devices and gateways that end soon and have no follower, the first to end first."""
    now = services.clock()
    after = (now, "")
    if cursor:
        after = paging.decode("device-certificates", cursor, tuple[datetime, str])
    until = now + timedelta(days=ends_within_days)
    wanted = Ending(now=now, until=until, after=after, only_last=True, limit=limit + 1)
    async with services.reading() as conn:
        rows = await certificates.ending(conn, wanted)
    items = [_known(row, now) for row in rows[:limit]]
    more = len(rows) > limit
    last = paging.encode("device-certificates", [items[-1].not_after, items[-1].serial]) if more else None
    return Page(items=items, next=last)


@router.post("/certificate-renewals", status_code=201)
async def renew_certificate(command: RenewCommand, services: Use, response: Response) -> SignedCertificate:
    """Give a device its next certificate for showing the key of the one it has, which counts to its end.

    For devices, not for people: nobody is signed in. Asked again, because the answer was lost, it is the same one. 403
    when the certificate is not this city's, has ended or was revoked.
    """
    try:
        signature = base64.b64decode(command.signature, validate=True)
    except binascii.Error as error:
        raise InvalidInput(f"signature: no base64 ({error})") from error
    wish = Renewal(certificate=command.certificate, request=command.request, signature=signature)
    signer = services.signer()
    async with services.writing() as conn:
        signed = await certificates.renew(conn, wish, signer, services.profiles, services.clock())
    return _given(signed, services, response)


def _given(signed: Signed, services: Services, response: Response) -> SignedCertificate:
    response.headers["Cache-Control"] = "no-store"
    return SignedCertificate(
        serial=signed.serial,
        user_name=signed.user_name,
        not_before=signed.not_before,
        not_after=signed.not_after,
        certificate=signed.pem,
        authority=services.signer().authority.papers.certificate,
    )


def _known(row: dict[str, object], now: datetime) -> KnownCertificate:
    ends = row["not_after"]
    assert isinstance(ends, datetime)
    return KnownCertificate.model_validate({**row, "days_left": (ends - now).days})
