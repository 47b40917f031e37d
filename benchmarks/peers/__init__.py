"""What our figures stand beside: the least a client can do, and another product."""
