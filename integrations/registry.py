"""Every PMS that Frontdesk knows: one line each. Code is loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from integrations.contract import Adapter, Manifest, TokenSource
from integrations.http.client import Client

ADAPTERS: Final = {
    "cliniko": "integrations.adapters.cliniko",
    "nookal": "integrations.adapters.nookal",
    "rest": "integrations.adapters.rest",
    "sikka": "integrations.adapters.sikka",
}


def manifest(pms: str) -> Manifest:
    """Return the facts about a PMS. Raises KeyError for one that is not in the registry."""
    found: Manifest = import_module(ADAPTERS[pms]).MANIFEST
    return found


def base_url(pms: str, credential: Mapping[str, Any]) -> str:
    """Return where the vendor's API is for this credential; "" where only the practice knows."""
    found: str = import_module(ADAPTERS[pms]).base_url(credential)
    return found


def connect(
    pms: str,
    client: Client,
    account: str,
    credential: Mapping[str, Any],
    options: Mapping[str, Any],
    tokens: TokenSource,
) -> Adapter:
    """Return an adapter for one account of a PMS.

    `options` describe a PMS that is known by data alone; others ignore them. Raises ValueError for
    what is unusable.
    """
    module = import_module(ADAPTERS[pms])
    adapter: Adapter = module.connect(client, account, credential, options, tokens)
    return adapter
