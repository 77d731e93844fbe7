"""The drivers: what a server calls. Only they touch environ, scope and sockets."""
