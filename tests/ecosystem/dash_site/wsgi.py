"""The dashboard for a server: `server` is what it calls."""

from dash_site import make_app, make_server

server = make_server()
app = make_app(server, url_base_pathname="/board/")
