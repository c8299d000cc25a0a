"""How providers and frameworks write items: one file for each, and no other file knows any of their shapes."""
