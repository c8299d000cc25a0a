"""Results of runs, as far as they tell what the run took."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from agents.usage import Usage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails


def result(tokens: int, requests: int = 1) -> Any:
    """A run that took so many tokens of input, a tenth of them from a cache, and half as many of output."""
    usage = Usage(
        requests=requests,
        input_tokens=tokens,
        output_tokens=tokens // 2,
        total_tokens=tokens + tokens // 2,
        input_tokens_details=InputTokensDetails(cached_tokens=tokens // 10, cache_write_tokens=tokens // 20),
        output_tokens_details=OutputTokensDetails(reasoning_tokens=tokens // 4),
    )
    return SimpleNamespace(raw_responses=[], context_wrapper=SimpleNamespace(usage=usage))
