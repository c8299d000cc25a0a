"""The tables of keys: appends and items that arrive twice are known by them."""

from __future__ import annotations

from typing import Final

from sessions.db.schema import Column, Table

APPENDS: Final = Table(
    "appends",
    "Appends that carried an idempotency key, so that a retry finds its first answer.",
    (
        Column("session", "integer"),
        Column("idempotency_key", "key_type"),
        Column("digest", "bytes"),
        Column("version", "integer"),
        Column("tip", "integer"),
        Column("created_at", "integer"),
        Column("until", "integer", "When the key ends, by the database's time.", default=0),
        Column(
            "attempt", "integer", "The `made_in` of the attempt that alone knows the key; else 0.", default=0, since=10
        ),
    ),
    key=("session", "idempotency_key"),
)

ITEM_KEYS: Final = Table(
    "item_keys",
    "The keys of items that were added with some; see `log/statements/item_keys.py`.",
    (
        Column("item_key", "key_type"),
        Column("session", "integer"),
        Column("entry", "integer", "The entry's id; negative once a pop has taken the entry off a branch."),
        Column(
            "branch",
            "integer",
            "The number of that branch, as `BranchName` has it; 0 for ``main``, -1 for every way.",
            default=0,
        ),
        Column("version", "integer", "The version that added the entry."),
        Column("digest", "bytes", "Tells the item from others; keyed in encrypted sessions."),
        Column("until", "integer", "Until when the key is known without its entry, by the database's time."),
        Column("due", "integer", "When to look whether the entry is there."),
    ),
    key=("item_key", "session", "entry", "branch", "version"),
    since=10,
)
