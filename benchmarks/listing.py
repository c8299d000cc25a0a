"""Many sessions of many owners, made by SQL: what the rows about lists of sessions read.

Each owner has a hundred sessions. Every fifth session has a tag, one of up to fifty;
every second has a title, and every tenth is archived. Their activity is not in the order of their creation.
"""

from benchmarks.branching import NUMBERS

PER_OWNER = 100
OURS: tuple[str, ...] = (
    """
    INSERT INTO agent_log_sessions (session_id, version, branch, created_at, updated_at, owner,
    active_at, archived, tagged) {numbers} SELECT 'session ' || i, 1, 'main', i, {active}, 'owner ' ||
    (i % {owners}) || {end}, {active}, CASE WHEN i % 10 = 9 THEN 1 ELSE 0 END, CASE WHEN i % 5 = 0 THEN
    1 ELSE 0 END FROM n
    """,
    """
    INSERT INTO agent_log_segments (session, fork_position) SELECT id, 0 FROM agent_log_sessions
    """,
    """
    INSERT INTO agent_log_branches (session, name, segment, fork_position, tip, turn, floor, may_extend)
    SELECT session, 'main', id, 0, 1, 1, 0, 1 FROM agent_log_segments
    """,
    """
    INSERT INTO agent_log_entries (id, version, turn, kind, created_at, payload) SELECT id * 268435456 +
    1, 1, 1, 'user', 1, {hello} FROM agent_log_segments
    """,
    """
    INSERT INTO agent_log_infos (session, version, payload) SELECT id, 1, {title} FROM
    agent_log_sessions WHERE id % 2 = 0
    """,
    """
    INSERT INTO agent_log_tags (session, tag, active_at) SELECT id, 'tag ' || (id / 5 % {tags}),
    active_at FROM agent_log_sessions WHERE tagged = 1
    """,
)
LIMIT: tuple[str, ...] = (
    """
    CREATE TABLE sessions (id INTEGER PRIMARY KEY, owner TEXT, active_at BIGINT, archived BIGINT, tag
    TEXT, title {blob})
    """,
    """
    INSERT INTO sessions {numbers} SELECT i, 'owner ' || (i % {owners}), {active}, CASE WHEN i % 10 = 9
    THEN 1 ELSE 0 END, CASE WHEN i % 5 = 0 THEN 'tag ' || (i / 5 % {tags}) END, {title} FROM n
    """,
    """
    CREATE INDEX by_activity ON sessions (archived, active_at)
    """,
    """
    CREATE INDEX by_owner ON sessions (owner, archived, active_at)
    """,
    """
    CREATE INDEX by_tag ON sessions (tag, active_at)
    """,
)


def filling(statements: tuple[str, ...], count: int, *, end: str, bytes_of: str, blob: str = "BLOB") -> list[str]:
    """The statements that make so many sessions.

    `end` is the expression for U+0001, `bytes_of` makes bytes of the text ``{}``, and `blob` is the type of bytes.
    """
    words = {
        "numbers": NUMBERS.format(count=count),
        "owners": count // PER_OWNER,
        "tags": min(50, count // PER_OWNER),
        "active": f"(1700000000000000 + CAST(i AS BIGINT) * 7919 % {count} * 61000000)",
        "end": end,
        "blob": blob,
        "hello": bytes_of.format("""'{"role":"user","content":"Hello"}'"""),
        "title": bytes_of.format("""'{"title":"A conversation","tags":[],"metadata":{}}'"""),
    }
    return [statement.format(**words) for statement in statements]
