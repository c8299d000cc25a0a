"""The one reader of items: an item's part in a conversation, the calls it makes and the calls it answers.

All callers are above and know no provider's shapes, which are in `sessions.items.dialects`. Items are OpenAI's, the
Responses API's or Chat Completions messages, or of a shape that is not known. Where an entry's format will say that an
item is of another dialect, it is looked up here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.items.dialects.openai import OPENAI

if TYPE_CHECKING:
    from sessions.items.dialects.dialect import Dialect

_dialect: Final[Dialect] = OPENAI

kind_of = _dialect.kind_of
classify = _dialect.classify
part_of = _dialect.part_of
calls_of = _dialect.calls_of
answers_of = _dialect.answers_of
tools_of = _dialect.tools_of
arguments_of = _dialect.arguments_of
has_failed = _dialect.has_failed
is_instruction = _dialect.is_instruction
asks_a_human = _dialect.asks_a_human
program_begun = _dialect.program_begun
program_of = _dialect.program_of
placeholder = _dialect.placeholder
emptied = _dialect.emptied
text_of = _dialect.text_of
user_message = _dialect.user_message
is_kept_as = _dialect.is_kept_as
hosted_form = _dialect.hosted_form
