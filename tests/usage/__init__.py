"""What runs cost: recorded once, and added up."""
