"""Parts of the contract for memories; `contract.py` joins them."""
