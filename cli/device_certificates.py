"""`citygrid devices certificates`: entering the broker by certificate instead of password."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.device_identities import ACTOR, AsJson, Gateway, run, table
from core.errors import InvalidInput
from devices import certificates as cases
from devices.authority import Signed
from devices.certificates import Ending, Signer
from devices.identities import Holder
from devices.model import Change
from runtime import device_authority, rulebooks, settings

app = typer.Typer(no_args_is_help=True, help="Certificates of devices: sign, make, list, revoke, the authority.")

Label = Annotated[str, typer.Argument(help="Label of a device.")]
Days = Annotated[int | None, typer.Option(min=1, max=3650, help="How long; default: CITYGRID_CERTIFICATE_DAYS.")]
MOST = 100_000


@app.command()
def sign(
    request: Annotated[Path, typer.Argument(help="Signing request in PEM.", exists=True, dir_okay=False)],
    label: Label = "",
    gateway: Gateway = "",
    out: Annotated[Path | None, typer.Option(help="File for the certificate; default: standard output.")] = None,
    days: Days = None,
    as_json: AsJson = False,
) -> None:
    """Sign a device's request; its key stays in the device. The old certificate counts until its end.

    Example: citygrid devices certificates sign MC-000123.csr MC-000123 --out MC-000123.crt
    """
    holder, known = _holder(label, gateway), settings.load()
    asked = request.read_text(encoding="ascii", errors="replace")
    signer, profiles = _signer(known, days), rulebooks.profiles(known)
    signed = run(lambda conn: cases.sign(conn, holder, asked, signer, profiles, _by()))
    if out is not None:
        device_authority.write(out, signed.pem, device_authority.SHARED)
    if as_json:
        print(json.dumps({**_facts(signed), "certificate": signed.pem}))
    elif out is None:
        print(signed.pem, end="")
    _say(signed, known)


@app.command()
def make(
    folder: Annotated[Path, typer.Argument(help="Where key and certificates are put, as LABEL.key and LABEL.crt.")],
    label: Label = "",
    gateway: Gateway = "",
    days: Days = None,
) -> None:
    """Make key and certificate for a device that cannot make its own key. The key is kept nowhere else.

    Example: citygrid devices certificates make keys MC-000123
    """
    holder, known = _holder(label, gateway), settings.load()
    signer, profiles = _signer(known, days), rulebooks.profiles(known)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{holder.label}.key"
    if file.exists():
        raise InvalidInput(f"{file} exists: move it away first")

    async def work(conn: Any) -> Signed:
        async with conn.transaction():
            signed, key = await cases.make(conn, holder, signer, profiles, _by())
            device_authority.write(file, key, device_authority.PRIVATE)
            return signed

    signed = run(work)
    device_authority.write(file.with_suffix(".crt"), signed.pem, device_authority.SHARED)
    print(f"{file} and {file.with_suffix('.crt')}")
    _say(signed, known)


@app.command()
def revoke(
    serial: Annotated[str, typer.Argument(help="Serial of the certificate, as the list shows it.")],
    label: Label = "",
    gateway: Gateway = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """End one certificate; a live connection ends within seconds, and the device's other certificates still count.

    Example: citygrid devices certificates revoke 3fa9c0 MC-000123 --reason "key lost"

    Everything at once: citygrid devices credentials revoke MC-000123
    """
    holder = _holder(label, gateway)
    by = Change(now=datetime.now(UTC), actor=ACTOR, reason=reason)
    run(lambda conn: cases.revoke(conn, holder, serial, by))
    print(f"revoked: {serial} of {holder}")


@app.command(name="list")
def list_certificates(
    label: Annotated[str, typer.Argument(help="All that one label ever had; else those in force.")] = "",
    ending: Annotated[int, typer.Option(min=0, max=36_500, help="Only what ends within so many days; 0 = all.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List certificates, first those that end first.

    With --ending those whose device has a longer one already are left out.

    Example: citygrid devices certificates list --ending 30
    """
    now = datetime.now(UTC)
    until = now + timedelta(days=ending or 36_500)
    wanted = Ending(now=now, until=until, after=(now, ""), only_last=bool(ending), limit=MOST)
    rows = run(lambda conn: cases.of(conn, label) if label else cases.ending(conn, wanted))
    table(rows, "no such certificate: `citygrid devices certificates sign REQUEST LABEL`", as_json=as_json)


@app.command()
def authority(as_json: AsJson = False) -> None:
    """Print the authority's certificate, which devices know the broker by; made if there is none.

    Where CITYGRID_BROKER_IDENTITIES is set, the files that a broker needs of it are put there.

    Example: citygrid devices certificates authority > authority.crt
    """
    known, now = settings.load(), datetime.now(UTC)
    signer = device_authority.ensure(known, now)
    if known.broker_identities is not None:
        for name, content in device_authority.for_broker(known, signer, now).items():
            is_key = name == device_authority.BROKER_KEY
            mode = device_authority.SHARED_KEY if is_key else device_authority.SHARED
            device_authority.write(known.broker_identities / name, content, mode)
    pem = signer.papers.certificate
    ends = signer.certificate.not_valid_after_utc
    print(json.dumps({"certificate": pem, "not_after": ends.isoformat()}) if as_json else pem, end="")


def _holder(label: str, gateway: str) -> Holder:
    if bool(label) == bool(gateway):
        raise InvalidInput("say either the label of a device, or --gateway")
    return Holder(label=gateway or label, is_gateway=bool(gateway))


def _signer(known: settings.Settings, days: int | None) -> Signer:
    return Signer(authority=device_authority.need(known), days=days or known.certificate_days)


def _facts(signed: Signed) -> Mapping[str, object]:
    return {
        "serial": signed.serial,
        "user_name": signed.user_name,
        "not_before": signed.not_before.isoformat(),
        "not_after": signed.not_after.isoformat(),
    }


def _say(signed: Signed, known: settings.Settings) -> None:
    print(f"{signed.user_name} until {signed.not_after:%Y-%m-%d}, serial {signed.serial}", file=sys.stderr)
    if known.owns_broker and not known.mqtt_certificate_port:
        print("nobody enters by certificate yet: set CITYGRID_MQTT_CERTIFICATE_PORT", file=sys.stderr)


def _by() -> Change:
    return Change(now=datetime.now(UTC), actor=ACTOR)
