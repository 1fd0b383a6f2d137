"""A wall for a day, made quick: its page is as large after thousands of changes as after the first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, CDPSession

from smartroom.control.displays import walls
from smartroom.control.web import wall as namespace
from tests.flows.test_walls import screen
from tests.ports import free_port
from tests.walls import ROOM, House, Walled, png

pytestmark = [pytest.mark.needs("chromium")]

WARM_UP = 60
"""Changes until every kind's script, style and typeface is there."""
HEAP_SHARE = 1.10
"""What is held may breathe by a tenth; what is kept for each change would show as more."""
COMPILED = 1000
"""So many changes V8 goes on compiling what runs often; from then on the whole heap is weighed, too. A shorter run weighs it from the start."""
NODES_SHARE = 1.05


def contents(walled: Walled) -> list[str]:
    """One of each kind a wall draws by itself, twice where it has two looks."""
    album = walled.application.walls[ROOM].album
    pictures = [album.add(png(320, 180, colour), f"{colour}.png").id for colour in ((200, 0, 0), (0, 0, 200))]
    agenda = [{"at": "09.00", "title": "Pembukaan"}, {"at": "10.00", "title": "Paparan", "note": "Aula"}]
    documents: list[dict[str, object]] = [
        {"kind": "welcome", "title": "Rombongan", "guest": "Diskominfo", "names": ["A", "B"], "agenda": agenda},
        {"kind": "message", "title": "Rapat mundur", "tone": "urgent"},
        {"kind": "slides", "images": pictures, "every": 1},
        {"kind": "countdown", "to": "2035-01-01T00:00:00+07:00", "title": "Peresmian"},
        {"kind": "pattern"},
        {"kind": "welcome", "greeting": "Selamat datang", "title": "Tamu"},
        {"kind": "blank"},
        {"kind": "slides", "images": pictures[:1], "fit": "cover"},
    ]
    return [json.dumps(document) for document in documents]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(240, marks=pytest.mark.timeout(120)),
        # One change every thirty seconds, a day and a night.
        pytest.param(2880, marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
async def test_a_walls_page_does_not_grow(
    tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch, changes: int
) -> None:
    """Each change painted and reported; then what scripts hold, elements and listeners are what they were after the first few."""
    monkeypatch.setattr(walls, "WALL_LEAD_S", 0.03)  # a quarter of a second ahead is for people
    monkeypatch.setattr(walls, "WALL_LEAD_MIN_S", 0.01)
    monkeypatch.setattr(namespace, "WALL_REPORTS_PER_S", 1000.0)  # a day in minutes: no page reports so often
    async with House(tmp_path, free_port()).serving() as walled:
        page = await screen(browser, walled, "kiri")
        debugger = await page.context.new_cdp_session(page)
        await debugger.send("Performance.enable")
        texts = contents(walled)
        for number in range(WARM_UP):
            await walled.set("kiri", "content", texts[number % len(texts)])
        before = await size(debugger)
        middle = before
        for number in range(changes):
            if number == COMPILED:
                middle = await size(debugger)
            await walled.set("kiri", "content", texts[number % len(texts)])
        for number in range(WARM_UP % len(texts)):  # as it stood when it was first weighed
            await walled.set("kiri", "content", texts[number])
        after = await size(debugger)
    assert after["Nodes"] <= before["Nodes"] * NODES_SHARE, (before, after)
    assert after["JSEventListeners"] <= before["JSEventListeners"] * NODES_SHARE, (before, after)
    assert after["Held"] <= before["Held"] * HEAP_SHARE, (before, after)
    assert after["JSHeapUsedSize"] <= middle["JSHeapUsedSize"] * HEAP_SHARE, (middle, after)


async def size(debugger: CDPSession) -> dict[str, float]:
    """What the page holds once nothing of it is garbage; `Held`: bytes its own objects take, without compiled code."""
    chunks: list[str] = []
    debugger.on("HeapProfiler.addHeapSnapshotChunk", lambda part: chunks.append(part["chunk"]))
    for _ in range(3):
        await debugger.send("HeapProfiler.collectGarbage")
    found = await debugger.send("Performance.getMetrics")
    await debugger.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    snapshot = json.loads("".join(chunks))
    fields = snapshot["snapshot"]["meta"]["node_fields"]
    kinds = snapshot["snapshot"]["meta"]["node_types"][0]
    kind, bytes_, each = fields.index("type"), fields.index("self_size"), len(fields)
    nodes = snapshot["nodes"]
    held = sum(nodes[at + bytes_] for at in range(0, len(nodes), each) if kinds[nodes[at + kind]] != "code")
    return {item["name"]: item["value"] for item in found["metrics"]} | {"Held": held}
