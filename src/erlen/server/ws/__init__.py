"""Websockets: from an ASGI scope to a view, and what goes on while it is open."""
