"""A Dash application: what it shows, and what it answers when somebody touches it."""

import json
import time
from pathlib import Path

import dash
from dash import ALL, MATCH, Input, Output, Patch, State, dcc, html
from dash.exceptions import PreventUpdate
from flask import Flask, request, session

HERE = Path(__file__).resolve().parent


def make_server():
    """The Flask application that the dashboard lives in, with a page of its own."""
    server = Flask("dash_site")
    server.secret_key = "k"

    @server.get("/plain")
    def plain():
        return {"path": request.path, "visits": session.get("visits", 0)}

    return server


def make_app(server=True, **options):
    """The dashboard, with every kind of callback."""
    options.setdefault("assets_folder", str(HERE / "assets"))
    app = dash.Dash("dash_site", server=server, title="Garden", **options)
    app.layout = make_layout
    add_simple(app)
    add_patterns(app)
    add_failing(app)
    add_web(app)
    return app


def make_layout():
    return html.Div(
        [
            html.H1("Garden", id="title"),
            dcc.Input(id="name", value="", debounce=False),
            html.Div(id="greeting"),
            html.Button("Add", id="add", n_clicks=0),
            html.Div([], id="beds"),
            html.Div(id="total"),
            html.Button("Fail", id="fail", n_clicks=0),
            html.Div(id="failed"),
            dcc.Dropdown(["oak", "elm"], "oak", id="tree"),
            dcc.Graph(id="graph"),
            html.Div(id="client"),
            html.Div(id="visits"),
            dcc.Store(id="store"),
            dcc.Download(id="file"),
        ],
        id="root",
    )


def add_simple(app):
    @app.callback(Output("greeting", "children"), Input("name", "value"), State("tree", "value"))
    def greet(name, tree):
        if not name:
            raise PreventUpdate
        return f"Hello {name} under the {tree}"

    @app.callback(
        Output("graph", "figure"),
        Output("store", "data"),
        Input("tree", "value"),
        Input("add", "n_clicks"),
    )
    def draw(tree, clicks):
        if dash.ctx.triggered_id == "add":
            return dash.no_update, {"clicks": clicks}
        figure = {"data": [{"x": [1, 2], "y": [3, 4], "name": tree}], "layout": {"title": tree}}
        return figure, {"tree": tree}

    app.clientside_callback(
        "function(name) { return 'in the browser: ' + name; }",
        Output("client", "children"),
        Input("name", "value"),
    )


def add_patterns(app):
    @app.callback(Output("beds", "children"), Input("add", "n_clicks"), prevent_initial_call=True)
    def add(clicks):
        bed = html.Div(
            [
                dcc.Input(id={"kind": "size", "bed": clicks}, type="number", value=clicks),
                html.Span(id={"kind": "double", "bed": clicks}),
            ]
        )
        beds = Patch()
        beds.append(bed)
        return beds

    @app.callback(
        Output({"kind": "double", "bed": MATCH}, "children"),
        Input({"kind": "size", "bed": MATCH}, "value"),
        State({"kind": "size", "bed": MATCH}, "id"),
    )
    def double(size, own):
        return f"bed {own['bed']}: {2 * (size or 0)}"

    @app.callback(Output("total", "children"), Input({"kind": "size", "bed": ALL}, "value"))
    def total(sizes):
        return f"total {sum(size or 0 for size in sizes)}"


def add_failing(app):
    @app.callback(
        Output("failed", "children"), Input("fail", "n_clicks"), prevent_initial_call=True
    )
    def fail(clicks):
        if clicks == 1:
            raise ValueError("the button is broken")
        return object() if clicks == 2 else "mended"

    @app.callback(
        Output("title", "title"),
        Input("fail", "title"),
        on_error=lambda error: f"caught: {error}",
        prevent_initial_call=True,
    )
    def caught(title):
        raise LookupError(title)


def add_web(app):
    @app.callback(Output("visits", "children"), Input("title", "n_clicks"))
    def visits(clicks):
        session["visits"] = session.get("visits", 0) + 1
        response = dash.ctx.response
        response.set_cookie("seen", str(clicks))
        response.set_header("X-Garden", request.method)
        return json.dumps([session["visits"], request.headers.get("X-Who"), request.path])

    @app.callback(Output("file", "data"), Input("title", "title"), prevent_initial_call=True)
    def download(title):
        return {"content": f"{title}\n", "filename": "a.txt"}


def add_background(app, folder):
    """Callbacks that run in a process of their own."""
    import diskcache

    manager = dash.DiskcacheManager(diskcache.Cache(str(folder)))

    @app.callback(
        Output("failed", "title"),
        Input("add", "title"),
        background=True,
        manager=manager,
        progress=[Output("total", "title")],
        cancel=[Input("fail", "lang")],
        interval=100,
        prevent_initial_call=True,
    )
    def work(set_progress, title):
        set_progress(("half",))
        if title == "fail":
            raise ValueError("in the background")
        if title == "long":
            time.sleep(60)
        return f"done: {title}"
