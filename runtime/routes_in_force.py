"""Who is told of what, as the file of routes says now: read again when it changed, kept as it was when it is wrong."""

from zoneinfo import ZoneInfo

import structlog

from alerts import channels, delivery, route, routefile
from alerts.delivery import Post
from alerts.route import Routing
from core.errors import PlatformError
from runtime.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.get_logger()

Stamp = tuple[int, int, int]


def routing(settings: Settings) -> Routing:
    """Give who is told of what; raises `InvalidInput` when the file or an address is wrong."""
    urls = settings.notify_urls.split()
    channels.check_urls(urls, "CITYGRID_NOTIFY_URLS")
    if settings.notify_routes is None:
        return route.plain(urls)
    return routefile.load(settings.notify_routes, settings.timezone, urls)


class RoutesInForce:
    """The routes and addresses the notifier works with; raises `InvalidInput` when they are wrong from the start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stamp = self._look()
        self.post = self._read()

    def renew(self) -> Post:
        """Give them as the file says now; a file that is wrong or gone is told of once and changes nothing."""
        stamp = self._look()
        if stamp == self._stamp:
            return self.post
        self._stamp = stamp
        try:
            self.post = self._read()
        except (PlatformError, OSError, UnicodeDecodeError) as error:
            log.warning("routes_kept", reason=str(error).partition("\n")[0])
        else:
            log.info("routes_read", receivers=list(self.post.routing.receivers), addresses=len(self.post.addresses))
        return self.post

    def _read(self) -> Post:
        return delivery.post_office(routing(self._settings), ZoneInfo(self._settings.timezone))

    def _look(self) -> Stamp | None:
        """Tell one state of the file from another; None while there is none."""
        if self._settings.notify_routes is None:
            return None
        try:
            seen = self._settings.notify_routes.stat()
        except OSError:
            return None
        return (seen.st_mtime_ns, seen.st_size, seen.st_ino)
