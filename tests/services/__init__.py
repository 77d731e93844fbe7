"""Services that tests start for themselves: each on a free port, stopped with its process group."""
