"""Native JSON that a gateway sends for the devices behind it: items that name their device. Pure."""

import msgspec

from core.errors import InvalidInput
from ingest.directory import ProfileCodec
from ingest.message import RawMessage, Reason, Stranger
from ingest.rows import Gathering, Row
from wire import native_v1
from wire.addresses import NATIVE
from wire.topics import Address

_NOT_JSON_V1 = (msgspec.DecodeError, UnicodeDecodeError)
_decoder = msgspec.json.Decoder(native_v1.Envelope | list[native_v1.Envelope])


def decode(index: int, message: RawMessage, gateway: Address, result: Gathering) -> None:
    """Gather the rows of a gateway's message; an item at fault is refused alone.

    A registered gateway speaks for the devices listed under it. One that is not registered has no account of its own:
    its messages come from a district's account or a recorder, which may speak for every device of the district.
    """
    directory = result.directory
    listed = directory.behind_gateway.get(gateway.label)
    try:
        decoded = _decoder.decode(message.payload)
    except _NOT_JSON_V1 as error:
        result.refuse(index, 0, Reason.MALFORMED, str(error))
        return
    for number, item in enumerate(decoded if isinstance(decoded, list) else (decoded,)):
        slot = directory.by_label.get(item.device)
        if slot is None:
            detail = f"{item.device or 'an item without `device`'} is not registered"
            result.refuse_stranger(index, number, detail, Stranger(NATIVE, item.device))
        elif directory.fleet.district_code[slot] != gateway.district:
            result.refuse(index, number, Reason.WRONG_TOPIC, f"{item.device} is registered elsewhere")
        elif listed is not None and item.device not in listed:
            result.refuse(index, number, Reason.WRONG_TOPIC, f"{item.device} is not listed under {gateway.label}")
        else:
            profile = directory.profile_of[slot]
            try:
                row = _row(item, directory.codecs[profile])
            except _NOT_JSON_V1 as error:
                result.refuse(index, number, Reason.MALFORMED, str(error), slot)
            except InvalidInput as error:
                result.refuse(index, number, Reason.BAD_TIME, str(error), slot)
            else:
                result.gathered[profile].add(index, number, slot, row)


def _row(item: native_v1.Envelope, codec: ProfileCodec) -> Row:
    values = codec.from_sent(msgspec.structs.astuple(codec.values_decoder.decode(item.values)))
    return Row(native_v1.timestamp_us(item.ts), item.seq, native_v1.ORIGINS[item.origin], values)
