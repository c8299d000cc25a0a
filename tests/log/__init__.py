"""The log by itself: its functions over a transaction on a database in memory, without a store around them."""
