"""Reading usage from the results of frameworks and providers. They are known by their shape: none is imported here.

======================================================  ==============================================================
a run of the OpenAI Agents SDK                          ``raw_responses``, ``context_wrapper.usage``
a `ModelResponse` of it                                 ``response_id``, ``usage``
its `Usage`                                             ``requests``, and as the Responses API
a response, chat completion or message of a provider    ``id``, ``model``, ``usage``
usage in the Chat Completions API                       ``prompt_tokens``, ``completion_tokens``, ``…_details``
usage in the Responses API                              ``input_tokens``, ``output_tokens``, ``…_details``
usage in Anthropic's API                                the same, ``cache_read_…`` and ``cache_creation_input_tokens``
======================================================  ==============================================================
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard

from sessions.log.usage import INPUT_DETAILS, MAX_AMOUNT, OUTPUT_DETAILS, OUTPUT_KEY, Amounts, Call, Run
from sessions.session.usage.result_identity import Note, key_for, new_key, note_of, put_note
from sessions.validation import check_count

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_NAME: Final = 255

_NO_IDS: Final = frozenset({"__fake_id__", "resp-789"})
"""What the Agents SDK puts for the ids of providers that give none, and its scripted model for tests for all."""


class Said(NamedTuple):
    """The caller's own data about a result; `key` is ready for the log."""

    model: str | None = None
    agent: str | None = None
    cost: int | None = None
    key: str | None = None


def read_result(result: Any, said: Said) -> tuple[list[Call], Run | None]:
    """Return the calls in a result, and the run if it is one or the usage of one.

    Raises:
        TypeError: An amount is not an integer.
        ValueError: The result says nothing of usage, or an amount is out of range.
    """
    responses = _get(result, "raw_responses")
    if isinstance(responses, (list, tuple)):
        return _read_run(result, responses, said)
    if _get(result, "usage") is not None:
        return [_read_call(result, said)[0]], None
    found = note_of(result)
    note = found or Note(said.key or new_key())
    amounts = read_amounts(result)
    put_note(result, note)
    if _get(result, "requests") is not None and not note.is_call and (found is not None or said.key is None):
        return _whole(result, note, said)
    call = Call(note.also(said.key), amounts, said.model, said.agent, said.cost, read_untold(result))
    return [call], None


def _read_call(response: Any, said: Said, *, of_run: bool = False) -> tuple[Call, Note]:
    """Return one response as a call, and its note; `of_run` if `said.key` is that of a run."""
    usage = _get(response, "usage")
    amounts = read_amounts(usage)
    by_id = key_for("id", id_) if (id_ := _id_of(response)) else None
    by_output = None if by_id or (said.key and not of_run) else _key_of_output(response, amounts)
    own = by_id or by_output
    note = note_of(response) or note_of(usage) or Note(own or said.key or new_key())
    note.is_call = True
    put_note(response, note)
    put_note(usage, note)
    model = said.model or as_name(_get(response, "model"))
    call = Call(note.also(by_id, said.key, by_output), amounts, model, said.agent, said.cost, read_untold(usage))
    return call, note


def _id_of(response: Any) -> str | None:
    given = _get(response, "response_id") or _get(response, "id")
    return given if _is_id(given) else None


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value not in _NO_IDS and value != ""


def _key_of_output(response: Any, amounts: Amounts) -> str | None:
    """Return the key of a response without an id, by the ids of its items and calls and by its usage.

    These are the same when a run that waited for an approval goes on from JSON. ``None`` if it has no ids at all.
    """
    items: list[Any] = list(_get(response, "output") or ())
    for choice in _get(response, "choices") or ():  # Chat Completions
        items += _get(_get(choice, "message"), "tool_calls") or ()
    ids = [found for item in items for name in ("id", "call_id") if _is_id(found := _get(item, name))]
    return key_for(OUTPUT_KEY, json.dumps([ids, *amounts])) if ids else None


def note_call(usage: Any, response: Any, said: Said) -> None:
    """Note that a response is part of the run with this usage, so recording the run includes it."""
    run = note_of(usage) or Note(new_key())
    put_note(usage, run)
    _note(run, response, said)


def _key_of_run(responses: list[Any]) -> str | None:
    """Return the key of a run by its first response's id: another process that goes on with the run finds the same.

    Some gateways give each answer the same id, so the amounts are part of it.
    """
    id_ = _id_of(responses[0]) if responses else None
    return None if id_ is None else key_for("run", json.dumps([id_, *read_amounts(_get(responses[0], "usage"))]))


def _read_run(result: Any, responses: Iterable[Any], said: Said) -> tuple[list[Call], Run | None]:
    usage = _get(_get(result, "context_wrapper"), "usage")
    responses = [response for response in responses if _get(response, "usage") is not None]
    by_id = _key_of_run(responses)
    run = note_of(usage) or Note(said.key or by_id or new_key())
    run.also(said.key, by_id)
    agents = _agents(result)
    for number, response in enumerate(responses):
        agent = next((agents[id(item)] for item in _get(response, "output") or () if id(item) in agents), None)
        key = said.key and f"{said.key}#{number}"
        _note(run, response, Said(model_of(agent), as_name(_get(agent, "name")), key=key))
    return _whole(usage, run, said)


def _note(run: Note, response: Any, said: Said) -> None:
    call, note = _read_call(response, said, of_run=True)
    # The first note knows more: a hook is told the agent.
    noted = run.calls.get(note.key, call)
    model, agent = noted.model or call.model, noted.agent or call.agent
    run.calls[note.key] = call._replace(model=model, agent=agent)


def _whole(usage: Any, run: Note, said: Said) -> tuple[list[Call], Run | None]:
    """Return a run's calls, as far as they are known, and all of it."""
    calls = [
        call._replace(model=said.model or call.model, agent=said.agent or call.agent, cost=said.cost)
        for call in run.calls.values()
    ]
    if said.cost is not None and len(calls) > 1:
        raise ValueError(
            "cost is the cost of one call, but this run has several. Nothing was recorded. Record each "
            "response with its own cost."
        )
    if usage is None:
        return calls, None
    amounts = read_amounts(usage)
    put_note(usage, run)
    if said.cost is not None and not calls:
        return [Call(run.also(said.key), amounts, said.model, said.agent, said.cost, read_untold(usage))], None
    return calls, Run(run.keys, amounts, said.model, said.agent, read_untold(usage))


def _agents(result: Any) -> dict[int, Any]:
    """Return the agent that made each output of a run."""
    found = {}
    for item in _get(result, "new_items") or ():
        agent = _get(item, "agent")
        if agent is not None:
            found[id(_get(item, "raw_item"))] = agent
    return found


def model_of(agent: Any) -> str | None:
    """Return the name of an agent's model, which may be a name or an object that has one."""
    model = _get(agent, "model")
    return as_name(model) or as_name(_get(model, "model"))


def as_name(value: object) -> str | None:
    """Return a name that every database can store, cut to 255 bytes; ``None`` if it is not a name."""
    if not isinstance(value, str) or not value:
        return None
    return value.replace("\0", "\ufffd").encode("utf-8", "replace")[:_MAX_NAME].decode("utf-8", "ignore")


def read_amounts(usage: Any) -> Amounts:
    """Return the amounts of a usage object.

    Raises:
        TypeError: An amount is not an integer.
        ValueError: It has no token counts, or an amount is out of range.
    """
    chat = _get(usage, "prompt_tokens") is not None
    names = ("prompt_tokens", "completion_tokens") if chat else ("input_tokens", "output_tokens")
    if all(_get(usage, name) is None for name in names):
        raise ValueError(
            f"result, of type {type(usage).__name__}, has no token counts. Nothing was recorded. Pass numbers instead: "
            "record(input_tokens=…, output_tokens=…)."
        )
    of_input, of_output = (_details(usage, f"{name}_details") for name in names)
    input_tokens, output_tokens = (_amount(usage, name) for name in names)
    cached, written = _amount(of_input, "cached_tokens"), _amount(of_input, "cache_write_tokens")
    if not chat and of_input is None:
        # Anthropic's input excludes cache reads and writes.
        cached = _amount(usage, "cache_read_input_tokens")
        written = _amount(usage, "cache_creation_input_tokens")
        input_tokens += cached + written
    requests = 1 if _get(usage, "requests") is None else _amount(usage, "requests")
    return Amounts(requests, input_tokens, cached, written, output_tokens, _amount(of_output, "reasoning_tokens"))


def read_untold(usage: Any) -> int:
    """Return which details a usage object does not tell: `INPUT_DETAILS`, `OUTPUT_DETAILS`, both added up, or 0."""
    chat = _get(usage, "prompt_tokens") is not None
    names = ("prompt_tokens", "completion_tokens") if chat else ("input_tokens", "output_tokens")
    of_input, of_output = (_details(usage, f"{name}_details") for name in names)
    cached = [_get(usage, f"cache_{what}_input_tokens") for what in ("read", "creation")]
    has_input = bool(of_input) or any(number is not None for number in cached)
    return INPUT_DETAILS * (not has_input) + OUTPUT_DETAILS * (not of_output)


def check_amount(value: object, name: str) -> int:
    """Return a number of requests or tokens.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is out of range.
    """
    amount = check_count(value, name, least=0)
    if amount > MAX_AMOUNT:
        raise ValueError(f"{name} must be at most {MAX_AMOUNT}, got {amount}. Nothing was recorded. Check the result.")
    return amount


def _details(usage: Any, name: str) -> Any:
    details = _get(usage, name)
    # The Agents SDK writes them in a list.
    return (details[0] if details else None) if isinstance(details, list) else details


def _amount(usage: Any, name: str) -> int:
    value = _get(usage, name)
    return 0 if value is None else check_amount(value, name)


def _get(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, dict) else getattr(thing, name, None)
