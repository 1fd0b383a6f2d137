"""`python -m smartroom.signing.testing FOLDER`: test authority, its OCSP, CRL and timestamp services, and a BSrE, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from smartroom.signing.testing.authority import TestAuthority
from smartroom.signing.testing.bsre import Account, BsreSimulator, run_bsre
from smartroom.signing.testing.house import PASSPHRASE, furnish
from smartroom.signing.testing.services import run_services

HOST = "127.0.0.1"
DEMO_SIGNER = "wali.kota@kota-uji.example"


def main() -> int:
    """Run until interrupted; the folder keeps the authority, so what it signed stays known."""
    parser = argparse.ArgumentParser(prog="smartroom.signing.testing", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8318, help="OCSP, CRL and timestamps")
    parser.add_argument("--bsre-port", type=int, default=8319)
    parser.add_argument("--tied", action="store_true", help="end when standard input closes")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options.folder, options.port, options.bsre_port, tied=options.tied))
    return 0


async def _serve(folder: Path, port: int, bsre_port: int, *, tied: bool) -> None:
    authority = TestAuthority.open(folder / "authority", f"http://{HOST}:{port}")
    simulator = BsreSimulator(f"http://{HOST}:{bsre_port}", authority)
    house = furnish(folder / "house", authority, bsre=(simulator.url, simulator.user, simulator.password))
    simulator.accounts[DEMO_SIGNER] = Account(house.signer, PASSPHRASE)
    async with run_services(authority, HOST, port) as services, run_bsre(simulator, HOST, bsre_port):
        lines = [
            f"settings  {house.settings}",
            f"tsa       {services.tsa}",
            f"ocsp      {authority.url}/ocsp",
            f"bsre      {simulator.url}  signer {DEMO_SIGNER}",
            f"passphrase of every test key: {PASSPHRASE}",
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        if tied:
            await _end_of_input()
        else:
            await asyncio.Event().wait()


async def _end_of_input() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


if __name__ == "__main__":
    sys.exit(main())
