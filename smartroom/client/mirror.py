"""A room's state kept up to date by patches: the three rules of docs/protocol.md, without a socket."""

from __future__ import annotations

from smartroom.protocol.state import Patch, RoomState


class Mirror:
    """The state as JSON, and its version. `version` is None before the first snapshot."""

    def __init__(self) -> None:
        self.version: int | None = None
        self._document: dict[str, object] = {}

    def begin(self, snapshot: RoomState) -> None:
        """Take a whole state over."""
        self._document = snapshot.model_dump(mode="json")
        self.version = snapshot.version

    def take(self, patch: Patch) -> bool:
        """Apply a patch, or ignore an old one; False when something before it was missed."""
        if self.version is None:
            return False
        if patch.version <= self.version:
            return True
        if (patch.version - 1 if patch.since is None else patch.since) > self.version:
            return False
        for change in patch.changes:
            if not self._put(change.path, change.value):
                return False
        self.version = patch.version
        self._document |= {"version": patch.version, "time": patch.time}
        return True

    @property
    def state(self) -> RoomState:
        """The state now; only after a snapshot."""
        return RoomState.model_validate(self._document)

    def _put(self, path: list[str], value: object) -> bool:
        place = self._document
        for key in path[:-1]:
            child = place.get(key)
            if not isinstance(child, dict):
                return False
            place = child
        if value is None:
            place.pop(path[-1], None)
        else:
            place[path[-1]] = value
        return True
