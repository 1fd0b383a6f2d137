"""Settings of the server: command line first, then environment (`SMARTROOM_PORT`), then `smartroom.toml` in the data folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


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
