"""Completes the package's metadata while it is built: links that work on the package index.

The repository's address stands once, in pyproject.toml (``[tool.hatch.metadata.hooks.custom]``). From it come the
project's URLs, and the README's links, which are relative in the repository and absolute on the index.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)\s]+)\)")


def readme_for_index(path: Path, repository: str) -> str:
    """Return the README's text with absolute links."""
    return _LINK.sub(rf"]({repository}/blob/main/\1)", path.read_text(encoding="utf-8"))


class Links(MetadataHookInterface):
    """Adds ``readme`` and ``urls``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add both to the metadata."""
        repository = self.config["repository"]
        text = readme_for_index(Path(self.root) / "README.md", repository)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = {
            "Changelog": f"{repository}/blob/main/CHANGELOG.md",
            "Documentation": f"{repository}/blob/main/docs/index.md",
            "Issues": f"{repository}/issues",
            "Repository": repository,
        }
