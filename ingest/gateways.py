"""Native JSON that a gateway sends for the devices behind it: items that name their device. Pure."""

import msgspec

from core.errors import InvalidInput
from ingest.message import RawMessage, Reason
from ingest.rows import Gathering, Row
from wire import native_v1

_NOT_JSON_V1 = (msgspec.DecodeError, UnicodeDecodeError)
_decoder = msgspec.json.Decoder(native_v1.Envelope | list[native_v1.Envelope])


def decode(index: int, message: RawMessage, district: str, result: Gathering) -> None:
    """Gather the rows of a gateway's message; an item at fault is refused alone."""
    directory = result.directory
    try:
        decoded = _decoder.decode(message.payload)
    except _NOT_JSON_V1 as error:
        result.refuse(index, 0, Reason.MALFORMED, str(error))
        return
    for number, item in enumerate(decoded if isinstance(decoded, list) else (decoded,)):
        slot = directory.by_label.get(item.device)
        if slot is None:
            detail = f"{item.device or 'an item without `device`'} is not registered"
            result.refuse(index, number, Reason.UNKNOWN_DEVICE, detail)
        elif directory.fleet.district_code[slot] != district:
            result.refuse(index, number, Reason.WRONG_TOPIC, f"{item.device} is registered elsewhere")
        else:
            profile = directory.profile_of[slot]
            try:
                row = _row(item, directory.codecs[profile].values_decoder)
            except _NOT_JSON_V1 as error:
                result.refuse(index, number, Reason.MALFORMED, str(error), slot)
            except InvalidInput as error:
                result.refuse(index, number, Reason.BAD_TIME, str(error), slot)
            else:
                result.gathered[profile].add(index, number, slot, row)


def _row(item: native_v1.Envelope, decoder: "msgspec.json.Decoder[msgspec.Struct]") -> Row:
    values = msgspec.structs.astuple(decoder.decode(item.values))
    return Row(native_v1.timestamp_us(item.ts), item.seq, native_v1.ORIGINS[item.origin], values)
