"""The parts of the contract for corrections."""
