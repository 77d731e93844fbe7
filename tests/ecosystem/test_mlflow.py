"""An MLflow tracking server answering its own client: runs, artifacts, models.

The server is started as its users start it: with uvicorn, where the Flask application sits inside
another one, and with gunicorn, where it is all there is.
"""

import os

import pytest
import requests
from served import free_port, serve

# Before MLflow is imported: what it reads once. No calls home, no waiting where something fails.
os.environ |= {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}
mlflow = pytest.importorskip("mlflow")

from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

KINDS = {"uvicorn": (), "gunicorn": ("--gunicorn-opts", "--timeout 120")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the servers keep runs and artifacts; one database, since making it takes longest."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module", params=KINDS)
def address(request, folder):
    """The address of a server, one after the other."""
    port = free_port()
    words = [*("-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port))]
    words += ["--backend-store-uri", f"sqlite:///{folder / 'runs.db'}", "--workers", "1"]
    words += ["--artifacts-destination", str(folder / "artifacts"), *KINDS[request.param]]
    with serve(*words, port=port, folder=folder, ready="/health") as address:
        yield address
        assert "Traceback" not in (folder / "server.log").read_text()


@pytest.fixture
def client(address):
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)
    return MlflowClient(address, address)


@pytest.fixture
def experiment(client, request):
    return client.create_experiment(request.node.name, tags={"made": "here"})


@pytest.fixture
def run(client, experiment):
    return client.create_run(experiment, tags={"who": "me"}).info.run_id


def test_health_version_and_page(address):
    assert requests.get(f"{address}/health", timeout=30).text == "OK"
    assert requests.get(f"{address}/version", timeout=30).text == mlflow.__version__
    page = requests.get(f"{address}/", timeout=30)
    assert page.status_code == 200
    assert "<title>" in page.text
    assert requests.get(f"{address}/no/such/page", timeout=30).status_code == 404


def test_files_of_the_page(address):
    page = requests.get(f"{address}/", timeout=30).text
    scripts = [part.split('"')[0] for part in page.split('src="')[1:]]
    script = next(name for name in scripts if name.endswith(".js"))
    got = requests.get(f"{address}/{script}", timeout=30)
    assert got.status_code == 200
    assert "javascript" in got.headers["Content-Type"]
    assert len(got.content) > 1000


def test_experiments(client, experiment, request):
    found = client.get_experiment(experiment)
    assert (found.name, found.tags["made"]) == (request.node.name, "here")
    assert client.get_experiment_by_name(request.node.name).experiment_id == experiment
    client.rename_experiment(experiment, f"{request.node.name} é")
    client.set_experiment_tag(experiment, "colour", "réd")
    assert client.get_experiment(experiment).tags["colour"] == "réd"
    assert client.get_experiment(experiment).name.endswith(" é")
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    client.restore_experiment(experiment)
    listed = client.search_experiments(filter_string="tags.made = 'here'")
    assert experiment in [each.experiment_id for each in listed]


def test_errors_reach_the_client(client, experiment, request):
    with pytest.raises(MlflowException, match="already exists") as caught:
        client.create_experiment(request.node.name)
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException) as caught:
        client.get_run("0" * 32)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_experiment_by_name("nobody's") is None


def test_a_run(client, run, experiment):
    client.log_param(run, "rate", 0.1)
    client.log_metric(run, "loss", 0.5, step=1)
    client.log_metric(run, "loss", 0.25, step=2)
    client.set_tag(run, "note", "a longer text, with ümlauts\nand lines")
    found = client.get_run(run)
    assert found.data.params == {"rate": "0.1"}
    assert found.data.metrics == {"loss": 0.25}
    assert found.data.tags["note"].endswith("and lines")
    history = client.get_metric_history(run, "loss")
    assert [(each.step, each.value) for each in history] == [(1, 0.5), (2, 0.25)]
    client.delete_tag(run, "note")
    client.set_terminated(run, "FINISHED")
    assert client.get_run(run).info.status == "FINISHED"
    assert "note" not in client.get_run(run).data.tags
    client.delete_run(run)
    assert [r.info.run_id for r in client.search_runs([experiment])] == []
    assert len(client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)) == 1
    client.restore_run(run)


def test_odd_numbers(client, run):
    for step, value in enumerate([float("nan"), float("inf"), -1e300]):
        client.log_metric(run, "odd", value, step=step)
    values = [each.value for each in client.get_metric_history(run, "odd")]
    assert values[0] != values[0]
    assert values[1] > 1e308
    assert values[2] == -1e300


def test_a_batch(client, run):
    client.log_batch(
        run,
        metrics=[Metric(f"m{n % 10}", n, 0, n) for n in range(1000)],
        params=[Param(f"p{n}", str(n)) for n in range(100)],
        tags=[RunTag(f"t{n}", "x" * 5000) for n in range(20)],
    )
    data = client.get_run(run).data
    assert (len(data.params), data.metrics["m9"], len(data.tags["t19"])) == (100, 999, 5000)
    assert len(client.get_metric_history(run, "m3")) == 100


def test_searching_by_page(client, experiment):
    for number in range(7):
        made = client.create_run(experiment)
        client.log_metric(made.info.run_id, "n", number)
    first = client.search_runs([experiment], "metrics.n > 1", max_results=3, order_by=["metrics.n"])
    rest = client.search_runs(
        [experiment],
        *("metrics.n > 1", ViewType.ACTIVE_ONLY, 3, ["metrics.n"]),
        page_token=first.token,
    )
    assert [run.data.metrics["n"] for run in [*first, *rest]] == [2, 3, 4, 5, 6]


def test_the_fluent_way(address, experiment):
    mlflow.set_tracking_uri(address)
    with mlflow.start_run(experiment_id=experiment) as outer:
        mlflow.log_params({"a": 1, "b": "two"})
        with mlflow.start_run(nested=True, experiment_id=experiment) as inner:
            mlflow.log_metrics({"x": 1.5, "y": 2.5}, step=3)
    found = mlflow.get_run(inner.info.run_id)
    assert found.data.tags["mlflow.parentRunId"] == outer.info.run_id
    table = mlflow.search_runs([experiment], filter_string="metrics.x = 1.5")
    assert list(table["metrics.y"]) == [2.5]


def test_artifacts(client, run, tmp_path):
    big = os.urandom(3_000_000)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "big file ü.bin").write_bytes(big)
    (tmp_path / "empty.txt").write_bytes(b"")
    client.log_artifacts(run, str(tmp_path), "all")
    client.log_text(run, "a\nb", "notes/text.txt")
    client.log_dict(run, {"k": [1, 2]}, "notes/data.json")
    assert [each.path for each in client.list_artifacts(run)] == ["all", "notes"]
    (listed,) = client.list_artifacts(run, "all/sub")
    assert (listed.path, listed.file_size) == ("all/sub/big file ü.bin", len(big))
    got = client.download_artifacts(run, "all/sub/big file ü.bin", str(tmp_path))
    with open(got, "rb") as file:
        assert file.read() == big
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes/text.txt") == "a\nb"
    assert mlflow.artifacts.load_dict(f"runs:/{run}/notes/data.json") == {"k": [1, 2]}


def test_artifacts_in_the_browser(address, client, run):
    client.log_text(run, "<b>bold</b>", "page.html")
    got = requests.get(
        f"{address}/get-artifact", params={"path": "page.html", "run_uuid": run}, timeout=30
    )
    assert got.content == b"<b>bold</b>"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    for bad in ("../runs.db", "/etc/passwd", "%2e%2e/runs.db"):
        asked = {"path": bad, "run_uuid": run}
        got = requests.get(f"{address}/get-artifact", params=asked, timeout=30)
        assert got.status_code in (400, 404)


def test_the_proxy_of_artifacts(address):
    url = f"{address}/api/2.0/mlflow-artifacts/artifacts"
    chunks = (bytes([n]) * 10_000 for n in range(50))  # chunked: of no known length
    assert requests.put(f"{url}/hand/made.bin", data=chunks, timeout=30).status_code == 200
    got = requests.get(f"{url}/hand/made.bin", timeout=30)
    assert got.content == b"".join(bytes([n]) * 10_000 for n in range(50))
    listed = requests.get(url, params={"path": "hand"}, timeout=30).json()
    assert listed["files"][0]["path"] == "made.bin"
    assert requests.delete(f"{url}/hand/made.bin", timeout=30).status_code == 200
    assert requests.get(f"{url}/hand/made.bin", timeout=30).status_code >= 400


def test_the_model_registry(client, run, request):
    name = f"model of {request.node.name}"
    client.create_registered_model(name, tags={"a": "b"}, description="first")
    for _ in range(2):
        client.create_model_version(name, f"runs:/{run}/model", run)
    client.update_registered_model(name, "second")
    client.set_registered_model_alias(name, "champion", "2")
    client.set_model_version_tag(name, "1", "old", "yes")
    model = client.get_registered_model(name)
    assert (model.description, model.tags, model.aliases) == (
        "second",
        {"a": "b"},
        {"champion": "2"},
    )
    assert int(client.get_model_version_by_alias(name, "champion").version) == 2
    found = client.search_model_versions(f"name = '{name}'")
    assert sorted(int(each.version) for each in found) == [1, 2]
    client.delete_model_version(name, "1")
    client.delete_registered_model(name)
    with pytest.raises(MlflowException) as caught:
        client.get_registered_model(name)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_model_comes_back(address, experiment):
    from sklearn.linear_model import LinearRegression

    mlflow.set_tracking_uri(address)
    fitted = LinearRegression().fit([[0], [1], [2]], [1, 3, 5])
    with mlflow.start_run(experiment_id=experiment):
        info = mlflow.sklearn.log_model(
            fitted, name="line", input_example=[[1.0]], pip_requirements=["scikit-learn"]
        )
    loaded = mlflow.sklearn.load_model(info.model_uri)
    assert loaded.predict([[10]])[0] == pytest.approx(21)


def test_traces(address, experiment, client):
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment(experiment_id=experiment)

    @mlflow.trace
    def double(number):
        return 2 * number

    assert double(4) == 8
    mlflow.flush_trace_async_logging()
    (trace,) = client.search_traces(locations=[experiment])
    (span,) = trace.data.spans
    assert (span.name, span.inputs, span.outputs) == ("double", {"number": 4}, 8)


def test_graphql_and_ajax(address, run):
    url = f"{address}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval"
    asked = {"run_ids": run, "metric_key": "none", "max_results": 5}
    assert requests.get(url, params=asked, timeout=30).json() == {}
    wanted = "{ run { info { runId } } }"
    query = {"query": f'query {{ mlflowGetRun(input: {{runId: "{run}"}}) {wanted} }}'}
    got = requests.post(f"{address}/graphql", json=query, timeout=30)
    assert got.json()["data"]["mlflowGetRun"]["run"]["info"]["runId"] == run


def test_what_is_no_request_of_the_client(address):
    url = f"{address}/api/2.0/mlflow/runs/create"
    for options in ({"data": b"{", "headers": {"Content-Type": "application/json"}}, {"json": []}):
        got = requests.post(url, timeout=30, **options)
        assert got.status_code == 400
    got = requests.post(
        f"{address}/api/2.0/mlflow/runs/search", json={"max_results": -1}, timeout=30
    )
    assert got.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert requests.patch(url, timeout=30).status_code == 405


def test_foreign_hosts_and_origins_are_refused(address):
    url = f"{address}/api/2.0/mlflow/experiments/search?max_results=1"
    assert requests.get(url, headers={"Host": "evil.example"}, timeout=30).status_code == 403
    origin = {"Origin": "http://evil.example"}
    url = f"{address}/api/2.0/mlflow/runs/search"
    assert requests.post(url, json={}, headers=origin, timeout=30).status_code == 403
    asked = origin | {"Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in requests.options(url, headers=asked).headers
    asked["Origin"] = "http://localhost:5000"
    allowed = requests.options(url, headers=asked, timeout=30)
    assert allowed.status_code in (200, 204)
    assert allowed.headers["Access-Control-Allow-Origin"] == "http://localhost:5000"
