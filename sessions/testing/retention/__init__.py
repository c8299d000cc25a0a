"""The contract for retention policies, erasing owners, and the audit, a part in each module."""
