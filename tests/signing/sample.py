"""Makes the sealed example of the documentation: `python -m tests.signing.sample docs/samples`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from smartroom.control.ceremony.confined import draw
from smartroom.protocol.signing import Level
from tests.signing.rig import make_office, wish


async def main(target: Path) -> None:
    """A Berita Acara at B-LTA by a new test authority, and that authority's certificates."""
    with tempfile.TemporaryDirectory() as folder:
        office = make_office(Path(folder))
        _, pdf = await draw(wish())
        async with office.open():
            sealed = await office.seal(pdf, Level.B_LTA, office.authority.issue("Dr. Siti Rahmawati, M.Si."))
        files = {
            "berita-acara.pdf": sealed,
            "akar-uji.pem": office.house.root.encode(),
            "ca-uji.pem": office.house.intermediate.encode(),
        }
    for name, content in files.items():
        await asyncio.to_thread((target / name).write_bytes, content)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
