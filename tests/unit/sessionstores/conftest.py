"""A store in memory, which may fail."""

from __future__ import annotations

import pytest

from erlen.sessionstores.store import CHANGED, DONE, GONE, Record, Store


class Memory(Store):
    """Keeps sessions in a dictionary; raises what it is told to."""

    name = "memory"

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.owners: dict[str, str | None] = {}
        self.calls: list[str] = []
        self.error: Exception | None = None

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.error is not None:
            raise self.error

    def read(self, key: str) -> Record | None:
        self._called("read")
        return Record(self.kept[key]) if key in self.kept else None

    def create(self, key: str, raw: bytes, life: float, owner: str | None) -> None:
        self._called("create")
        self.kept[key], self.owners[key] = raw, owner

    def replace(self, key: str, record: Record, raw: bytes, life: float, owner: str | None) -> int:
        return self.move(key, record, key, raw, life, owner)

    def move(
        self, key: str, record: Record, new_key: str, raw: bytes, life: float, owner: str | None
    ) -> int:
        self._called("replace" if key == new_key else "move")
        if key not in self.kept:
            return GONE
        if self.kept[key] != record.raw:
            return CHANGED
        del self.kept[key]
        self.kept[new_key], self.owners[new_key] = raw, owner
        return DONE

    def delete(self, key: str) -> None:
        self._called("delete")
        self.kept.pop(key, None)

    def end_all(self, owner: str, keep: str | None) -> None:
        self._called("end_all")
        for key in [key for key, who in self.owners.items() if who == owner and key != keep]:
            self.kept.pop(key, None)


@pytest.fixture
def memory() -> Memory:
    return Memory()
