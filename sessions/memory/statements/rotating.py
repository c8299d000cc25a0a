"""Statements that replace keys of namespaces, and encrypt their memories again."""

from __future__ import annotations

from sessions.db.transaction import Statement

ENCRYPTED_SPACES = Statement(
    "A page of namespaces, the oldest first: those with wrapped keys, or all.",
    """
    select id, path from {spaces} where id > :after and (wrapped_keys is not null or :everything = 1)
    order by id limit :count
    """,
)

SEALED_BELOW = Statement(
    "The paths of encrypted namespaces in a range.",
    """
    select path from {spaces} where wrapped_keys is not null and path >= :low and path < :high
    and (:any_owner = 1 or owner = :owner)
    """,
)

PLAIN_SPACES = Statement(
    "How many namespaces have no wrapped keys.", "select count(*) from {spaces} where wrapped_keys is null"
)

WRAPPED_KEYS = Statement("The wrapped keys of a namespace.", "select wrapped_keys from {spaces} where id = :space")

OTHERWISE_ENCRYPTED = Statement(
    "Memories of a range whose payloads, or what search knows of them, do not begin as a data key's.",
    """
    select m.id, m.name, m.version, m.created_at, m.payload, r.places, r.digest, r.vectors, r.words, r.sealed
    from {memories} m left join {search_rows} r on r.memory = m.id
    where m.id > :after and m.id <= :high and (
        substr(m.payload, 1, 5) <> :header
        or r.memory is not null and (r.sealed is null or substr(r.sealed, 1, 5) <> :header)
    ) order by m.id limit :count
    """,
)

REPLACE_PAYLOAD = Statement(
    "Put another encryption of the same value.",
    "update {memories} set payload = :payload where id = :memory",
)

REPLACE_SEALED = Statement(
    "Put another encryption of what search knows of a memory.",
    """
    update {search_rows} set places = null, digest = null, vectors = null, words = :nothing, sealed = :sealed
    where memory = :memory
    """,
)
