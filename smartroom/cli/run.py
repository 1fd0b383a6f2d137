"""`smartroom demo | serve`."""

from __future__ import annotations

from pathlib import Path

import click

from smartroom.cli.common import DATA, quick_start, run_until_stopped


@click.command()
@click.option("--port", type=int, default=8080, show_default=True)
@click.option("--lan", is_flag=True, help="HTTPS on the network, with a local CA and a QR to pair a tablet.")
@click.option(
    "--tls-cert",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Certificate chain to use instead of the local CA.",
)
@click.option("--tls-key", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--fresh", is_flag=True, help="Throw the demo's data away first.")
@DATA
def demo(port: int, data: Path, tls_cert: Path | None, tls_key: Path | None, *, lan: bool, fresh: bool) -> None:
    """The demo rooms with simulated hardware: a copy of the site template, demo accounts."""
    quick_start()
    from smartroom.commands.demo import run_demo  # noqa: PLC0415

    run_until_stopped(run_demo(data, port, lan=lan, fresh=fresh, certificate=tls_cert, key=tls_key))


@click.command()
@click.option(
    "--site",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    required=True,
    help="Folder with one folder per room.",
)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder the server writes."
)
@click.option("--host", default=None, help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=int, default=None, help="[default: 8080]")
@click.option("--name", "names", multiple=True, help="Name or address browsers call the server by; repeat for several.")
@click.option("--lan", is_flag=True, help="HTTPS on all addresses, with a local CA.")
@click.option("--tls-cert", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--tls-key", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--simulated", is_flag=True, help="Simulators in the place of all hardware.")
def serve(
    site: Path,
    data: Path,
    host: str | None,
    port: int | None,
    names: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    *,
    lan: bool,
    simulated: bool,
) -> None:
    """The real server."""
    quick_start()
    from smartroom.commands.serve import run_server  # noqa: PLC0415
    from smartroom.settings import load_settings  # noqa: PLC0415

    given = {
        "site": site,
        "data": data,
        "host": host or ("0.0.0.0" if lan else None),
        "port": port,
        "names": names or None,
    }  # --lan asks for it
    given |= {
        "tls": lan or tls_cert is not None or None,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "simulated": simulated or None,
    }
    run_until_stopped(run_server(load_settings({key: value for key, value in given.items() if value is not None})))
