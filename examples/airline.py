"""Three agents of an airline that share one session: triage finds the booking, billing pays, bookings answers.

Their tools touch no airline: they return what the same calls returned when the conversation was recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents import Agent, function_tool

if TYPE_CHECKING:
    from agents.models.interface import Model
    from recording import Recording

TRIAGE = """You are the front desk. Find the customer and the reservation. What has to be done about it, others do.

"""
BILLING = """You decide about compensation and pay it as a certificate, after thinking it through.

"""
BOOKINGS = """You answer questions about reservations.

"""


def airline(recording: Recording, model: Model | str | None) -> list[Agent[None]]:
    """The agents, in the order in which they have the customer; without a model they have the SDK's default one."""

    @function_tool
    def get_user_details(user_id: str) -> str:
        """Get a customer's profile: payment methods, membership, reservations in order."""
        return recording.output_of("get_user_details", user_id=user_id)

    @function_tool
    def get_reservation_details(reservation_id: str) -> str:
        """Get a reservation: flights, passengers, payments, baggage, insurance."""
        return recording.output_of("get_reservation_details", reservation_id=reservation_id)

    @function_tool
    def think(thought: str) -> str:
        """Write down a thought before acting on it. It changes nothing."""
        return recording.output_of("think", thought=thought)

    @function_tool
    def send_certificate(user_id: str, amount: int) -> str:
        """Give a customer a certificate; the amount is in dollars."""
        return recording.output_of("send_certificate", user_id=user_id, amount=amount)

    jobs = {
        "triage": (TRIAGE, [get_user_details, get_reservation_details]),
        "billing": (BILLING, [think, send_certificate]),
        "bookings": (BOOKINGS, [get_reservation_details]),
    }
    return [
        Agent[None](name=name, instructions=job + recording.policy, tools=[*tools], model=model)
        for name, (job, tools) in jobs.items()
    ]
