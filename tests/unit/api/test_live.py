import asyncio

import pytest

from api.live import Frame, Hub, Subscriber, encode


async def drained(subscriber: Subscriber) -> list[int | None]:
    seen: list[int | None] = []
    while (frame := await subscriber.next(1.0)) is not None:
        seen.append(frame.event_id)
    return seen


def test_a_frame_is_one_server_sent_event():
    assert encode("incident", b"{}", 7) == Frame(b"id: 7\nevent: incident\ndata: {}\n\n", 7)
    assert encode("devices", b"[]") == Frame(b"event: devices\ndata: []\n\n", None)


async def test_everybody_gets_every_frame():
    hub = Hub()
    with hub.subscribe() as one, hub.subscribe() as two:
        for number in range(3):
            hub.publish(encode("incident", b"{}", number))
        hub.close()

        assert await drained(one) == await drained(two) == [0, 1, 2]


async def test_a_slow_reader_is_let_go_with_a_gapless_beginning():
    hub = Hub(queue_frames=3)
    with hub.subscribe() as slow:
        for number in range(10):
            hub.publish(encode("incident", b"{}", number))

        assert await drained(slow) == [0, 1, 2]
        assert slow.dropped
    assert (hub.subscribers, hub.dropped) == (0, 1)


async def test_a_slow_reader_costs_the_others_nothing():
    hub = Hub(queue_frames=2)
    with hub.subscribe() as slow, hub.subscribe() as quick:
        seen: list[int | None] = []
        for number in range(5):
            hub.publish(encode("incident", b"{}", number))
            frame = await quick.next(1.0)
            assert frame
            seen.append(frame.event_id)

        assert seen == [0, 1, 2, 3, 4]
        assert (slow.dropped, quick.dropped) == (True, False)


async def test_closing_reaches_a_reader_whose_queue_is_full():
    hub = Hub(queue_frames=2)
    with hub.subscribe() as subscriber:
        for number in range(2):
            hub.publish(encode("incident", b"{}", number))
        hub.close()

        assert await drained(subscriber) == [0, 1]
        assert not subscriber.dropped


async def test_the_hub_knows_whether_anybody_listens_and_where_it_is():
    hub = Hub()
    assert not hub.wanted.is_set()
    with hub.subscribe():
        assert hub.wanted.is_set()
        hub.publish(encode("incident", b"{}", 41))
        hub.publish(encode("devices", b"{}"))

    assert not hub.wanted.is_set()
    assert hub.last_event_id == 41


async def test_waiting_for_a_frame_has_an_end():
    with Hub().subscribe() as subscriber:
        with pytest.raises(TimeoutError):
            await subscriber.next(0.001)
        waiting = asyncio.create_task(subscriber.next(5))
        await asyncio.sleep(0)
        subscriber.offer(encode("incident", b"{}", 1))

        frame = await waiting
        assert frame
        assert frame.event_id == 1
