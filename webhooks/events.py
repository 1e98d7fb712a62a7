"""What an organization can be told of: a new type of event is one more line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Type → what it means, as the admin and the API's documentation say it.
TYPES: Final[Mapping[str, str]] = {
    "writeback.completed": "a change stands in the PMS, which said so",
    "writeback.identified": "what a completed change has created has this id in the PMS",
    "writeback.failed": "a change was refused or came too late; it does not stand in the PMS",
    "writeback.unconfirmed": "nobody knows yet whether a change stands in the PMS",
    "writeback.cancelled": "a change was withdrawn before it took effect",
}

#: What the button "test" sends, to one endpoint, whatever types it wants. Never chosen.
TEST: Final = "webhook.test"
