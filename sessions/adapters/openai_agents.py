"""Hooks for runs of the OpenAI Agents SDK: they record each model call's usage, and the agent that added each item.

::

    Runner.run(agent, "…", session=session, hooks=SessionHooks(session))
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sessions.session.usage.results import Said, as_name, model_of, note_call

try:
    from agents import RunHooks
    from agents.models import get_default_model
    from agents.tool_context import ToolContext
except ImportError as error:
    raise ImportError(
        "sessions.adapters.openai_agents needs the OpenAI Agents SDK, which is not installed. Nothing "
        "was imported. Run: pip install openai-agents"
    ) from error

if TYPE_CHECKING:
    from agents import Agent, AgentHookContext, ModelResponse, RunContextWrapper, Tool, TResponseInputItem

    from sessions.session.base import LogSession

_log = logging.getLogger("sessions")


class SessionHooks(RunHooks[Any]):
    """Record the usage of each model call of a run, with its turn, agent and model, and the author of each item.

    Example: ``await Runner.run(agent, "Hello", session=session, hooks=SessionHooks(session))``

    Items that agents add get the active agent's name as author, across handoffs; `entries` returns it. One session
    object serves one run at a time: simultaneous runs need an object each, for example from `as_author`.

    Hooks never make a run fail: a failure to record is logged as a warning, without contents, and the run continues.
    Afterwards ``await session.usage.record(result)`` records the missing calls, and none twice. The same line records
    usage that hooks do not see, such as that of an agent used as a tool without hooks of its own:
    ``agent.as_tool(…, hooks=SessionHooks(session))``. A run waits until each record is on disk.

    Args:
        session: The session that the run uses.
        hooks: Your own hooks. All their methods are still called, and may raise.
        model: The model's name, if it is not the agents' own: the SDK does not tell hooks about a model in `RunConfig`.

    Raises:
        TypeError: `session` is not a session of this package.
    """

    def __init__(self, session: LogSession, *, hooks: RunHooks[Any] | None = None, model: str | None = None) -> None:
        if not hasattr(session, "usage"):
            raise TypeError(
                "session must be a session of this package, which can record usage, not "
                f"{type(session).__name__}. No hooks were made. Pass a session of open_store(…), SQLiteSession or "
                "SQLAlchemySession."
            )
        self._session = session
        self._hooks: RunHooks[Any] = RunHooks() if hooks is None else hooks
        self._model = model

    async def on_llm_start(
        self,
        context: RunContextWrapper[Any],
        agent: Agent[Any],
        system_prompt: str | None,
        input_items: list[TResponseInputItem],
    ) -> None:
        """Note the speaking agent, then call your own hook."""
        # An agent used as a tool has that tool's context, and adds nothing to the session itself.
        if not isinstance(context, ToolContext):
            self._session.speaker.begins(as_name(agent.name))
        await self._hooks.on_llm_start(context, agent, system_prompt, input_items)

    async def on_llm_end(self, context: RunContextWrapper[Any], agent: Agent[Any], response: ModelResponse) -> None:
        """Record the call's usage, then call your own hook."""
        try:
            model = self._model or model_of(agent) or (get_default_model() if agent.model is None else None)
            name = as_name(agent.name)
            note_call(context.usage, response, Said(model, name))
            await self._session.usage.record(response, model=model, agent=name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is worth more than its price
            _log.warning(
                "%r: the usage of a model call was not recorded (%s). The run continues. Record its result by "
                "hand: await session.usage.record(result)",
                self._session,
                type(error).__name__,
            )
        await self._hooks.on_llm_end(context, agent, response)

    async def on_agent_start(self, context: AgentHookContext[Any], agent: Agent[Any]) -> None:
        """Call your own hook."""
        await self._hooks.on_agent_start(context, agent)

    async def on_agent_end(self, context: AgentHookContext[Any], agent: Agent[Any], output: Any) -> None:
        """Note that the agent's next items are its last, then call your own hook."""
        self._session.speaker.ends()
        await self._hooks.on_agent_end(context, agent, output)

    async def on_handoff(self, context: RunContextWrapper[Any], from_agent: Agent[Any], to_agent: Agent[Any]) -> None:
        """Call your own hook."""
        await self._hooks.on_handoff(context=context, from_agent=from_agent, to_agent=to_agent)

    async def on_tool_start(self, context: RunContextWrapper[Any], agent: Agent[Any], tool: Tool) -> None:
        """Note the speaking agent if it is unknown, as when an interrupted run continues; then call your own hook."""
        if self._session.speaker.name is None:
            self._session.speaker.begins(as_name(agent.name))
        await self._hooks.on_tool_start(context, agent, tool)

    async def on_tool_end(self, context: RunContextWrapper[Any], agent: Agent[Any], tool: Tool, result: object) -> None:
        """Call your own hook."""
        await self._hooks.on_tool_end(context, agent, tool, result)
