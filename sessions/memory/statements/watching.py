"""Statements for watching memories."""

from __future__ import annotations

from sessions.db.transaction import Statement

SPACES_BETWEEN = Statement(
    "The namespaces below a prefix, with what tells whether they have changed.",
    "select id, path, version, removed, owner from {spaces} where path >= :low and path < :high order by id",
)

SUM_BETWEEN = Statement(
    "A sum that differs once a namespace below a prefix has changed.",
    "select count(*), sum(id), sum(version) from {spaces} where path >= :low and path < :high",
)

PUT_AFTER = Statement(
    "The memories of a namespace that were put after a version, the oldest first.",
    """
    select version, name from {memories}
    where space = :space and version > :after and (expires_at is null or expires_at > :now)
    order by version limit :count
    """,
)

REMOVED_AFTER = Statement(
    "The memories of a namespace that were removed after a version, the oldest first.",
    """
    select version, name, what from {removals} where space = :space and version > :after order by version limit :count
    """,
)
