"""Operations that one database does in a faster way, held to the same meaning by the contracts."""
