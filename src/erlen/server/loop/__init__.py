"""HTTP requests on an event loop: plans whose steps are awaited, bodies, answers."""
