"""One settings tree from the environment (`CITYGRID_*`) and the data directory; the only reader of the environment."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from alerts.work_calendar import WorkDay
from core.errors import InvalidInput
from people.model import Terms
from people.oidc_terms import OidcTerms, mapping

SECRETS_FILE = "secrets.json"


class Settings(BaseSettings):
    """What an installation may set. Every field is `CITYGRID_<NAME>` in the environment or in a `.env` file."""

    model_config = SettingsConfigDict(env_prefix="CITYGRID_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(default=Path(".citygrid"), description="Where services, secrets, recordings and logs live.")
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL to use instead of our own; role citygrid's owner. Nothing is started.",
    )
    database_writer_url: SecretStr | None = Field(
        default=None, description="Address for ingest and the API's commands."
    )
    database_reader_url: SecretStr | None = Field(default=None, description="Address for reads and dashboards.")
    mqtt_url: SecretStr | None = Field(
        default=None,
        description="Broker to use instead of our own: mqtt://user:password@host:port. Nothing is started.",
    )
    database_port: int = Field(default=54329, ge=1024, le=65535, description="Port of our own PostgreSQL on 127.0.0.1.")
    mqtt_port: int = Field(default=18839, ge=1024, le=65535, description="Port of our own Mosquitto on 127.0.0.1.")
    mqtt_device_port: int = Field(
        default=0, ge=0, le=65535, description="Its port for devices and gateways; 0 = the one after the former."
    )
    mqtt_device_host: str = Field(
        default="127.0.0.1", description="Address devices enter at; another than this needs a certificate."
    )
    mqtt_device_cert: Path | None = Field(
        default=None, description="PEM certificate of our own Mosquitto's port for devices: they enter by TLS only."
    )
    mqtt_device_key: Path | None = Field(default=None, description="PEM key of that certificate.")
    mqtt_certificate_port: int = Field(
        default=0, ge=0, le=65535, description="Its port for devices with certificates of the city's own; 0 = none."
    )
    mqtt_certificate_host: str = Field(default="127.0.0.1", description="Address they enter at, by TLS only.")
    mqtt_device_names: str = Field(
        default="localhost 127.0.0.1",
        description="Names and addresses they reach it by, separated by spaces: the broker's certificate has them.",
    )
    certificate_days: int = Field(default=365, ge=1, le=3650, description="How long a device's certificate lasts.")
    certificate_warn_days: int = Field(
        default=30,
        ge=1,
        le=365,
        description="So long before its end ingest warns of a certificate that was not renewed.",
    )
    broker_identities: Path | None = Field(
        default=None,
        description="Folder in which a broker that is not our own looks for devices' identities; ingest writes it.",
    )
    http_host: str = Field(default="127.0.0.1", description="Address the API and console listen on.")
    http_port: int = Field(default=8077, ge=0, le=65535, description="Port of the API and console; 0 = any free one.")
    http_hosts: str = Field(
        default="",
        description="Further names the API and console are reached by, separated by spaces; * = any.",
    )
    http_proxies: str = Field(
        default="",
        description="Addresses of proxies whose X-Forwarded-For and -Proto are believed, separated by commas.",
    )
    upload_dir: Path | None = Field(
        default=None, description="Folder for files that people send, while they are worked on; not set = the system's."
    )
    upload_largest_mb: int = Field(default=200, ge=1, le=10_000, description="Largest file that people may send.")
    upload_unpacked_mb: int = Field(default=2_000, ge=1, description="Most that a zip may hold, unpacked.")
    import_limit_s: float = Field(default=900, gt=0, description="An import over HTTP that takes longer is ended.")
    import_memory_mb: int = Field(default=4096, ge=512, description="Memory that an import over HTTP may take.")
    cookie_secure: str = Field(
        default="auto",
        pattern="^(auto|always)$",
        description="`always` = the session's cookie is for https only, whatever the proxy says.",
    )
    session_idle_hours: float = Field(
        default=12, gt=0, le=24 * 30, description="A sign-in that was not used for so long ends."
    )
    session_days: float = Field(
        default=7, gt=0, le=365, description="A sign-in ends after so many days, however much it is used."
    )
    oidc_issuer: str = Field(default="", description="OpenID provider people sign in at; empty = passwords only.")
    oidc_client_id: str = Field(default="", description="What the provider calls us.")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="Empty = a public client.")
    oidc_title: str = Field(default="OpenID Connect", description="What the button on the sign-in page says.")
    oidc_scopes: str = Field(default="openid profile", description="What is asked of the provider.")
    oidc_grants_claim: str = Field(
        default="groups", description="Claim with somebody's groups or roles; dots lead inside: `realm_access.roles`."
    )
    oidc_grants: str = Field(
        default="",
        description="What they grant: `group=role@area,role; group=role`; empty = administrators grant here.",
    )
    oidc_audience: str = Field(
        default="", description="Audience of the provider's access tokens that programs may send; empty = none."
    )
    shards: str = Field(
        default="",
        description="How ingest processes share the city: empty = not at all, `districts` = a shard a district,"
        " or as listed: `130202,130203;130204`.",
    )
    mqtt_client_id: str = Field(
        default="citygrid-ingest",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="What ingest's client ids begin with: another one for each installation on a broker.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address ingest's own metrics are served on.")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="Port of ingest's own metrics; 0 = any free one.")
    timezone: str = Field(
        default="Asia/Shanghai", description="The city's time zone: working hours, daylight, display."
    )
    work_day: WorkDay = Field(
        default=WorkDay.HOURS,
        description="What a limit of working days is: `hours`, eight working hours each, or `end_of_day`,"
        " with the rest of the day it ends on.",
    )
    batch_messages: int = Field(default=5000, ge=1, le=50_000, description="Most messages in one ingest transaction.")
    batch_wait_s: float = Field(default=0.02, gt=0, le=5, description="Longest wait for a batch to fill, seconds.")
    payload_limit_bytes: int = Field(default=262_144, ge=1024, description="Larger messages become dead letters.")
    retention_days: int = Field(default=365, ge=1, description="Readings older than this are dropped.")
    retention_1m_days: int = Field(default=7, ge=1, description="1-minute roll-ups older than this are dropped.")
    retention_5m_days: int = Field(
        default=1095,
        ge=0,
        description="5-minute roll-ups; 0 = kept for ever, as in the next two. Not less than readings.",
    )
    retention_1h_days: int = Field(default=0, ge=0, description="Hourly roll-ups; not less than 5-minute ones.")
    retention_1d_days: int = Field(default=0, ge=0, description="Daily roll-ups; not less than hourly ones.")
    retention_events_days: int = Field(default=365, ge=1, description="Facts that are no numbers (detections, states).")
    retention_arrivals_days: int = Field(
        default=365, ge=1, description="Messages by minute of arrival, and doubts by device and day."
    )
    retention_dead_letters_days: int = Field(
        default=90, ge=1, description="Dead letters, counted from when they were last seen."
    )
    rules_dir: Path | None = Field(
        default=None,
        description="Rule files in place of the shipped rule book; in force until a person publishes (docs/rules.md).",
    )
    public_places: Path | None = Field(
        default=None, description="List of what citizens see, in place of the shipped one (docs/citizens.md)."
    )
    profiles_dir: Path | None = Field(default=None, description="Device profiles to add to the shipped ones.")
    catalogue_dir: Path | None = Field(
        default=None, description="The city's own edition of the catalogue of components (docs/components.md)."
    )
    notify_urls: str = Field(
        default="", description="Where notices go: Apprise addresses separated by spaces; empty = nowhere."
    )
    notify_routes: Path | None = Field(
        default=None, description="File of routes, receivers and rosters; not set = everything to the addresses above."
    )
    jt808_host: str = Field(default="127.0.0.1", description="Address the JT/T 808 server listens on.")
    jt808_port: int = Field(default=7611, ge=0, le=65535, description="Its TCP port; 0 = any free one.")
    jt808_connections: int = Field(default=10_000, ge=1, description="Most JT/T 808 connections at a time.")
    gtfs_rt_feeds: SecretStr = Field(
        default=SecretStr(""),
        description="GTFS-Realtime feeds to poll: name=url, separated by spaces; an address may hold a key.",
    )
    gtfs_rt_interval_s: float = Field(default=15, ge=1, le=3600, description="Seconds between two polls of a feed.")
    bridge_metrics_port: int = Field(default=0, ge=0, le=65535, description="Port of a bridge's metrics; 0 = none.")
    log_format: str = Field(default="auto", pattern="^(auto|json|pretty)$", description="auto = pretty on a terminal.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")

    @property
    def owns_database(self) -> bool:
        """Whether `citygrid services` runs PostgreSQL for us."""
        return self.database_url is None

    @property
    def owns_broker(self) -> bool:
        """Whether `citygrid services` runs Mosquitto for us."""
        return self.mqtt_url is None

    @property
    def device_port(self) -> int:
        """Port of our own Mosquitto for devices and gateways."""
        return self.mqtt_device_port or self.mqtt_port + 1

    @property
    def terms(self) -> Terms:
        """How long a browser stays signed in."""
        return Terms(idle=timedelta(hours=self.session_idle_hours), longest=timedelta(days=self.session_days))

    @property
    def oidc(self) -> OidcTerms | None:
        """The OpenID provider; raises `InvalidInput` when what is set makes no sense."""
        if not self.oidc_issuer:
            return None
        return OidcTerms(
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id,
            client_secret=self.oidc_client_secret.get_secret_value(),
            title=self.oidc_title,
            scopes=self.oidc_scopes,
            grants_claim=self.oidc_grants_claim,
            grants=mapping(self.oidc_grants),
            audience=self.oidc_audience,
        )

    def owner_dsn(self) -> str:
        """Address for migrations and services; raises `InvalidInput` when nothing was set up yet."""
        return self._database(self.database_url, "citygrid")

    def writer_dsn(self) -> str:
        """Address for ingest and for commands."""
        return self._database(self.database_writer_url or self.database_url, "citygrid_ingest")

    def reader_dsn(self) -> str:
        """Address for reads."""
        return self._database(self.database_reader_url or self.database_url, "citygrid_view")

    def broker_url(self, account: str) -> str:
        """Address of the broker as `account` (`runtime.services.passwords.broker_logins`)."""
        if self.mqtt_url:
            return self.mqtt_url.get_secret_value()
        password = self.secrets()["mqtt"].get(account)
        if password is None:
            raise InvalidInput(f"the broker has no account {account}: run `citygrid services start`")
        return f"mqtt://{account}:{password}@127.0.0.1:{self.mqtt_port}"

    def secrets(self) -> dict[str, dict[str, str]]:
        """Generated passwords of our own services: `{"database": {role: password}, "mqtt": {account: password}}`."""
        file = self.data_dir / SECRETS_FILE
        if not file.exists():
            raise InvalidInput(
                f"{file} does not exist: run `citygrid services start` first, or set CITYGRID_DATABASE_URL"
            )
        content: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
        return content

    def _database(self, url: SecretStr | None, login: str) -> str:
        if url:
            return url.get_secret_value()
        password = self.secrets()["database"][login]
        return f"postgresql://{login}:{password}@127.0.0.1:{self.database_port}/citygrid"


def load(**overrides: Any) -> Settings:
    """Read the settings once; called by the commands only."""
    return Settings(**overrides)
