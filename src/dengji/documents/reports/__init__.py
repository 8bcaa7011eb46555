"""Reports upward (登记情况月报、季报、通报): counted from the decisions, frozen, signed, and never changed after."""
