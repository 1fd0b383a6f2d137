"""Settings of the server: command line first, then environment (`SMARTROOM_PORT`), then `smartroom.toml` in the data folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from smartroom.protocol.base import Id
from smartroom.protocol.signing import Level


class CeremonySettings(BaseModel):
    """Section `ceremony`: who signs documents, at which level, where journals are kept a second time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signing: Path | None = None
    """`signing.toml` of the sealing process; none = ink is recorded and no document is signed."""
    seal: Id | None = None
    """Key of the agency's seal, which signs at the last `Selesai` by itself."""
    level: Level = Level.B_LTA
    """What documents are raised to."""
    remote: Id | None = None
    """Remote service by which signatories sign on their phones."""
    signer_keys: tuple[Id, ...] = ()
    """Or keys of the sealing process, one per signatory in their order; each asks for its passphrase on the phone."""
    rehearsal_key: Id | None = None
    """Key for rehearsals, in the seal's place."""
    rehearsal_remote: Id | None = None
    second_copy: Path | None = None
    """Folder on another medium: every journal is kept there, too, before anything is called saved."""
    escrow: Path | None = None
    """RSA certificate (PEM) of a notary or CA: for it alone pressure and timing of ink are kept, when somebody has consented in writing."""
    escrow_days: int = Field(default=1825, ge=1, le=36_500)
    """Then those are removed, too."""
    reserve_mb: int = Field(default=64, ge=0, le=4096)
    """Space kept free for a journal that is open."""
    public_url: str = ""
    """Where the public reaches this server, for the QR code; empty = where browsers do."""


class Settings(BaseSettings):
    """What one server needs to know."""

    model_config = SettingsConfigDict(env_prefix="SMARTROOM_", extra="forbid", frozen=True)

    site: Path
    """Folder with one folder per room."""
    data: Path
    """Folder the server writes: records, keys, the CLI's token."""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    names: tuple[str, ...] = ()
    """Host names and addresses browsers may call the server by, beside localhost."""
    dashboards: tuple[str, ...] = ()
    """Origins of other sites that walls may show in a frame: `https://dasbor.kota.example`."""
    database: str | None = None
    """SQLAlchemy URL; none = SQLite in the data folder."""
    tls: bool = False
    """HTTPS with `tls_cert` and `tls_key`, or with the local CA of the data folder."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    media_port: int = Field(default=0, ge=0, le=65000)
    """First UDP port of the media workers, one each; 0 lets the system choose, which no firewall can name."""
    media_workers: int = Field(default=0, ge=0, le=64)
    """Media worker processes; 0 = a core each, the first left to the server."""
    media_addresses: tuple[str, ...] = ()
    """Addresses meetings are reached at; none = those of this machine."""
    ceremony: CeremonySettings = CeremonySettings()
    turn_urls: tuple[str, ...] = ()
    """TURN servers for guests behind firewalls: `turn:turn.kota.example:3478?transport=udp`, `turns:turn.kota.example:5349?transport=tcp`."""
    turn_secret: str = Field(default="", repr=False)
    """What the TURN server has as `static-auth-secret`; by SMARTROOM_TURN_SECRET or in smartroom.toml, never on a command line."""
    simulated: bool = False
    """Simulators in the place of all hardware."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of sources; the file lies in the data folder named on the command line."""
        data = init_settings().get("data")
        file = Path(str(data)) / "smartroom.toml" if data else Path("smartroom.toml")
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


def load_settings(given: dict[str, object]) -> Settings:
    """Settings with what the command line names; the rest from environment and file."""
    return Settings(**given)  # type: ignore[arg-type]  # pydantic checks each value
