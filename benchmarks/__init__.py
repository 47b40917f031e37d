"""What `make bench` measures, beside its budgets and its peers."""
