"""Threads and the event loop: who runs where, and who waits for whom."""
