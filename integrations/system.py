"""What one practice's PMS has and can do, which may differ from what others of its kind can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol

from integrations.queries import Ability, Changes, Resource

if TYPE_CHECKING:
    from integrations.contract import Manifest


class System(Protocol):
    """What one practice's PMS has and can do: its manifest's, unless that differs by practice."""

    @property
    def lists(self) -> Mapping[Resource, Changes]:
        """The lists that it keeps."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """What it can be asked beside its lists."""

    @property
    def operations(self) -> frozenset[str]:
        """What can be changed in it."""


class AsInManifest:
    """A System that is the same for every practice: what the manifest says. For adapters."""

    __slots__ = ()

    manifest: ClassVar[Manifest]

    @property
    def lists(self) -> Mapping[Resource, Changes]:
        return self.manifest.lists

    @property
    def abilities(self) -> frozenset[Ability]:
        return self.manifest.abilities

    @property
    def operations(self) -> frozenset[str]:
        return self.manifest.operations
