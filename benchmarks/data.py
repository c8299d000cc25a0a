"""The items: real recorded messages of a tool-calling agent, not synthetic ones of equal length."""

import json
from pathlib import Path
from typing import Any

Item = dict[str, Any]

ROOT = Path(__file__).parents[1]
EXCERPT = ROOT / "examples" / "data" / "tau-bench-airline-excerpt.json"
# The full recordings lie beside the checkout of those who have them; a clone works with the excerpt.
FULL = ROOT.parent / "shared" / "data" / "tau-bench-airline.json"


def default_data() -> Path:
    """The full recordings where they exist, else the excerpt inside the project."""
    return FULL if FULL.exists() else EXCERPT


def load_items(path: Path) -> list[Item]:
    """All messages of all conversations in `path`, in order.

    Either tau-bench's own format, a list of runs with their messages in `traj`, or the excerpt's: an object whose
    `conversations` have theirs in `messages`.
    """
    data = json.loads(path.read_bytes())
    if isinstance(data, dict):
        items = [item for conversation in data["conversations"] for item in conversation["messages"]]
    else:
        items = [item for run in data for item in run["traj"]]
    if not items:
        raise ValueError(f"{path} holds no messages.")
    return items
