"""The contract for threads of checkpoints; `contract` joins its parts."""
