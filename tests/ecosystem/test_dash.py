"""A Dash application over HTTP: layout, callbacks of every kind, assets, pages, mounting."""

import gzip
import json
import re
import time

import dash
import psutil
import pytest
from dash_site import HERE, add_background, make_app, make_server
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def use_async(request):
    return request.param


@pytest.fixture
def app(use_async):
    return make_app(make_server(), use_async=use_async)


@pytest.fixture
def client(app):
    return app.server.test_client()


def name_of(component):
    """How the browser writes an id: a word as it is, a dictionary as sorted JSON."""
    if isinstance(component, str):
        return component
    return json.dumps(component, sort_keys=True, separators=(",", ":"))


def prop(component, name, value=None):
    return {"id": component, "property": name, "value": value}


def send(client, output, outputs, inputs, state=(), changed=None, path="/", **options):
    """What the browser posts when ``inputs`` have changed."""
    first = inputs[0]
    changed = changed or [f"{name_of(first['id'])}.{first['property']}"] if first else changed
    body = {
        "output": output,
        "outputs": outputs,
        "inputs": inputs,
        "state": list(state),
        "changedPropIds": changed,
    }
    return client.post(f"{path}_dash-update-component", json=body, **options)


def greet(client, name, path="/", **options):
    return send(
        client,
        "greeting.children",
        {"id": "greeting", "property": "children"},
        [prop("name", "value", name)],
        [prop("tree", "value", "oak")],
        path=path,
        **options,
    )


def test_index(client):
    page = client.get("/")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "<title>Garden</title>" in page.text
    config = json.loads(
        re.search(r'id="_dash-config" type="application/json">(.*?)<', page.text)[1]
    )
    assert config["requests_pathname_prefix"] == "/"
    assert 'href="/assets/look.css?m=' in page.text
    # Every other path is the same page: the browser finds the rest.
    assert client.get("/any/where").text.startswith(page.text[:200])
    assert client.post("/any/where").status_code == 405


def test_every_script_of_the_page(client):
    scripts = re.findall(r'<script src="([^"]+)"', client.get("/").text)
    assert len(scripts) > 8
    for script in scripts:
        got = client.get(script)
        assert got.status_code == 200, script
        assert "javascript" in got.mimetype
        assert len(got.data) > 20
    assert any("_dash-component-suites/dash/dcc/" in script for script in scripts)


def test_caching_of_scripts(client):
    pattern = r'"(/_dash-component-suites/dash/dcc/dash_core_components\.v[^"]+)"'
    (script,) = re.findall(pattern, client.get("/").text)
    got = client.get(script)
    assert got.headers["Cache-Control"] == "max-age=31536000"
    plain = re.sub(r"\.v[\w.]+?m\d+\.", ".", script)
    tag = client.get(plain).headers["ETag"]
    assert client.get(plain, headers={"If-None-Match": tag}).status_code == 304
    assert client.get("/_dash-component-suites/dash/none.js").status_code >= 400
    assert client.get("/_dash-component-suites/nobody/none.js").status_code >= 400


def test_assets(client):
    got = client.get("/assets/look.css")
    assert got.data == (HERE / "assets" / "look.css").read_bytes()
    again = client.get("/assets/look.css", headers={"If-None-Match": got.headers["ETag"]})
    assert again.status_code == 304
    assert client.get("/assets/extra.js", headers={"Range": "bytes=0-5"}).data == b"window"
    assert client.get("/assets/none.css").status_code == 404
    assert client.get("/assets/../wsgi.py").status_code == 404
    assert client.get("/_favicon.ico").status_code == 200


def test_layout(client):
    got = client.get("/_dash-layout")
    assert got.mimetype == "application/json"
    root = got.json
    assert (root["type"], root["props"]["id"]) == ("Div", "root")
    names = [child["props"]["id"] for child in root["props"]["children"]]
    assert names[:4] == ["title", "name", "greeting", "add"]
    assert root["props"]["children"][8]["props"]["options"] == ["oak", "elm"]


def test_dependencies(client):
    listed = {entry["output"]: entry for entry in client.get("/_dash-dependencies").json}
    assert listed["greeting.children"]["state"] == [{"id": "tree", "property": "value"}]
    assert listed["client.children"]["clientside_function"]
    assert '{"bed":["MATCH"],"kind":"double"}.children' in listed
    assert '{"bed":["ALL"],"kind":"size"}' in json.dumps(listed["total.children"]).replace("\\", "")


def test_a_callback(client):
    got = greet(client, "Ann")
    assert (got.status_code, got.mimetype) == (200, "application/json")
    assert got.json["response"] == {"greeting": {"children": "Hello Ann under the oak"}}


def test_prevented(client):
    got = greet(client, "")
    assert (got.status_code, got.data) == (204, b"")


def test_several_outputs_and_no_update(client):
    outputs = [{"id": "graph", "property": "figure"}, {"id": "store", "property": "data"}]
    inputs = [prop("tree", "value", "elm"), prop("add", "n_clicks", 3)]

    def draw(changed):
        name = "..graph.figure...store.data.."
        return send(client, name, outputs, inputs, changed=[changed]).json["response"]

    drawn = draw("tree.value")
    assert drawn["graph"]["figure"]["data"][0]["y"] == [3, 4]
    assert drawn["store"]["data"] == {"tree": "elm"}
    assert draw("add.n_clicks") == {"store": {"data": {"clicks": 3}}}


def test_a_patch(client):
    output = {"id": "beds", "property": "children"}
    got = send(client, "beds.children", output, [prop("add", "n_clicks", 1)]).json
    (operation,) = got["response"]["beds"]["children"]["operations"]
    assert operation["operation"] == "Append"
    assert operation["params"]["value"]["props"]["children"][0]["props"]["id"]["bed"] == 1


def test_matching_patterns(client):
    size, double = {"bed": 2, "kind": "size"}, {"bed": 2, "kind": "double"}
    got = send(
        client,
        f"{name_of({'bed': ['MATCH'], 'kind': 'double'})}.children",
        {"id": double, "property": "children"},
        [prop(size, "value", 21)],
        [prop(size, "id", size)],
    )
    assert got.json["response"] == {name_of(double): {"children": "bed 2: 42"}}


def test_all_of_a_pattern(client):
    beds = [prop({"bed": n, "kind": "size"}, "value", n) for n in (1, 2, 3)]
    output = {"id": "total", "property": "children"}
    changed = [f"{name_of(beds[0]['id'])}.value"]
    got = send(client, "total.children", output, [beds], changed=changed)
    assert got.json["response"] == {"total": {"children": "total 6"}}


def fail(client, clicks):
    output = {"id": "failed", "property": "children"}
    return send(client, "failed.children", output, [prop("fail", "n_clicks", clicks)])


def test_an_error_in_a_callback(app, client):
    assert fail(client, 1).status_code == 500
    assert fail(client, 2).status_code == 500  # a value that is no JSON
    assert fail(client, 3).json["response"] == {"failed": {"children": "mended"}}
    app.server.testing = True
    with pytest.raises(ValueError, match="the button is broken"):
        fail(client, 1)


def test_an_error_with_the_developer_tools(app, client):
    app.enable_dev_tools(debug=True, dev_tools_hot_reload=False, first_run=False)
    got = fail(client, 1)
    assert got.status_code == 500
    assert "the button is broken" in got.text
    assert "Traceback" in got.text
    assert "__dash_server" in greet(client, "Ann").headers["Server-Timing"]


def test_error_handlers(client, use_async):
    output = {"id": "title", "property": "title"}
    got = send(client, "title.title", output, [prop("fail", "title", "t")])
    assert got.json["response"] == {"title": {"title": "caught: t"}}
    app = dash.Dash(
        "other", server=make_server(), on_error=lambda e: f"all: {e}", use_async=use_async
    )
    app.layout = dash.html.Div(id="x")

    @app.callback(dash.Output("x", "children"), dash.Input("x", "n_clicks"))
    def broken(clicks):
        raise OSError("late")

    output = {"id": "x", "property": "children"}
    got = send(app.server.test_client(), "x.children", output, [prop("x", "n_clicks", 1)])
    assert got.json["response"] == {"x": {"children": "all: late"}}


@pytest.mark.parametrize(
    "options",
    [{"data": b"{", "content_type": "application/json"}, {"data": b"{}"}, {"json": []}],
    ids=["broken", "no JSON", "a list"],
)
def test_what_is_no_request_of_the_browser(client, options):
    assert client.post("/_dash-update-component", **options).status_code >= 400


def test_an_unknown_callback(client):
    got = send(client, "x.y", {"id": "x", "property": "y"}, [prop("name", "value", "a")])
    assert got.status_code == 500


def test_the_request_the_session_and_the_response(client):
    def visit(clicks):
        output = {"id": "visits", "property": "children"}
        inputs = [prop("title", "n_clicks", clicks)]
        return send(client, "visits.children", output, inputs, headers={"X-Who": "me"})

    got = visit(7)
    assert json.loads(got.json["response"]["visits"]["children"]) == [
        *(1, "me", "/_dash-update-component")
    ]
    assert got.headers["X-Garden"] == "POST"
    assert client.get_cookie("seen").value == "7"
    assert json.loads(visit(8).json["response"]["visits"]["children"])[0] == 2
    assert client.get("/plain").json == {"path": "/plain", "visits": 2}


def test_a_download(client):
    output = {"id": "file", "property": "data"}
    got = send(client, "file.data", output, [prop("title", "title", "t")]).json["response"]
    assert got["file"]["data"]["content"] == "t\n"


def background(client, title):
    output = {"id": "failed", "property": "title"}
    inputs = [prop("add", "title", title)]

    def ask(query=""):
        return send(client, "failed.title", output, inputs, path="/", query_string=query)

    begun = ask().json
    query = f"cacheKey={begun['cacheKey']}&job={begun['job']}"
    seen, end = [], time.monotonic() + 60
    while time.monotonic() < end:
        got = ask(query)
        told = got.get_json(silent=True) or {}  # nothing at all, when it is asked too early
        if got.status_code >= 400 or "response" in told or "error" in told:
            return seen, got
        seen.append(told.get("progress"))
        time.sleep(0.1)
    raise AssertionError("no end")


def test_a_background_callback(app, tmp_path):
    add_background(app, tmp_path)
    client = app.server.test_client()
    _, got = background(client, "a")
    assert got.json["response"] == {"failed": {"title": "done: a"}}
    _, got = background(client, "fail")
    assert got.status_code == 500 or "in the background" in got.text


def alive(process):
    try:
        return psutil.Process(int(process.partition("~")[0])).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_background_callback_is_cancelled(app, tmp_path):
    add_background(app, tmp_path)
    client = app.server.test_client()
    client.get("/")  # sets the cookie that says whose job it is
    output = {"id": "failed", "property": "title"}
    begun = send(client, "failed.title", output, [prop("add", "title", "long")]).json
    assert alive(begun["job"])
    cancel = {"id": "fail", "property": "id"}
    asked = {"query_string": {"cancelJob": begun["job"]}}
    got = send(client, "fail.id", cancel, [prop("fail", "lang", "x")], **asked)
    assert got.status_code == 200
    end = time.monotonic() + 30
    while alive(begun["job"]):
        assert time.monotonic() < end, "the job goes on"
        time.sleep(0.05)


def test_a_prefix(use_async):
    app = make_app(make_server(), url_base_pathname="/board/", use_async=use_async)
    client = app.server.test_client()
    assert client.get("/plain").json["path"] == "/plain"
    assert client.get("/").status_code == 404
    page = client.get("/board/")
    assert 'src="/board/_dash-component-suites/' in page.text
    assert client.get("/board").headers["Location"].endswith("/board/")
    assert client.get("/board/assets/look.css").status_code == 200
    assert greet(client, "Bob", path="/board/").json["response"]["greeting"]


def test_a_prefix_that_a_proxy_takes_away(use_async):
    app = make_app(
        make_server(),
        requests_pathname_prefix="/outside/",
        routes_pathname_prefix="/",
        use_async=use_async,
    )
    client = Client(DispatcherMiddleware(make_server(), {"/outside": app.server}))
    assert client.get("/plain").json["path"] == "/plain"
    page = client.get("/outside/")
    assert 'src="/outside/_dash-component-suites/' in page.text
    assert client.get(re.search(r'href="(/outside/assets/[^"]+)"', page.text)[1]).status_code == 200
    assert greet(client, "Cid", path="/outside/").json["response"]["greeting"]


def test_two_on_one_server(use_async):
    server = make_server()
    for name in ("one", "two"):
        make_app(server, url_base_pathname=f"/{name}/", use_async=use_async)
    client = server.test_client()
    for name in ("one", "two"):
        assert client.get(f"/{name}/_dash-layout").json["props"]["id"] == "root"
        assert greet(client, name, path=f"/{name}/").json["response"]["greeting"]


def test_a_server_that_comes_later(use_async):
    app = make_app(False, use_async=use_async)
    server = make_server()
    app.init_app(server)
    assert greet(server.test_client(), "Dan").json["response"]["greeting"]


def test_hooks_of_the_server_apply(app, client):
    @app.server.before_request
    def only_mine():
        from flask import abort, request

        if request.headers.get("X-Who") != "me":
            abort(403)

    @app.server.after_request
    def mark(response):
        response.headers["X-Marked"] = "yes"
        return response

    assert client.get("/_dash-layout").status_code == 403
    assert greet(client, "Eve").status_code == 403
    got = greet(client, "Eve", headers={"X-Who": "me"})
    assert (got.status_code, got.headers["X-Marked"]) == (200, "yes")


def test_set_up_of_dash_itself(use_async):
    app = make_app(make_server(), health_endpoint="_health", compress=True, use_async=use_async)
    client = app.server.test_client()
    assert client.get("/_health").status_code == 200
    packed = client.get("/_dash-layout", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.data))["props"]["id"] == "root"
    app.setup_startup_routes()
    app.index_string = (
        "<html>{%metas%}{%title%}{%css%}{%app_entry%}{%config%}{%scripts%}{%renderer%}mine</html>"
    )
    assert client.get("/").text.endswith("mine</html>")


@pytest.fixture
def paged(use_async):
    dash._pages.PAGE_REGISTRY.clear()
    # Left behind by requests of the tests before: pages ask which application is theirs.
    dash._get_app.app_context.set(None)
    app = dash.Dash(
        "dash_site",
        server=make_server(),
        use_pages=True,
        pages_folder=str(HERE / "pages"),
        use_async=use_async,
    )
    app.layout = dash.html.Div(dash.page_container)
    yield app.server.test_client()
    dash._pages.PAGE_REGISTRY.clear()


def page(client, path, search=""):
    outputs = [
        {"id": "_pages_content", "property": "children"},
        {"id": "_pages_store", "property": "data"},
    ]
    inputs = [prop("_pages_location", "pathname", path), prop("_pages_location", "search", search)]
    name = "..._pages_content.children..._pages_store.data.."
    return send(client, name[1:], outputs, inputs).json["response"]


def test_pages(paged):
    assert paged.get("/").status_code == 200
    shown = page(paged, "/")
    assert shown["_pages_content"]["children"]["props"]["children"] == "the home page"
    assert shown["_pages_store"]["data"]["title"] == "Home"
    shown = page(paged, "/plants/rose/3", "?water=daily")
    assert shown["_pages_content"]["children"]["props"]["children"] == [
        *("rose", "3", [["water", "daily"]])
    ]
    assert shown["_pages_store"]["data"]["title"] == "rose"
    assert "404" in json.dumps(page(paged, "/none"))


def test_a_page_that_has_moved(paged):
    moved = paged.get("/start")
    assert (moved.status_code, moved.headers["Location"]) == (301, "/")
