"""NumPy's and pandas' values in JSON: automatic, exact, and always valid JSON."""

from __future__ import annotations

import dataclasses
import decimal
import json
import math
import os
import re
import subprocess
import sys
import typing as t
import warnings
from datetime import UTC, date, datetime, timedelta, timezone

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlen import Erlen
from erlen.json.arrays import place_of_not_finite, plain
from running import ROOT
from standins import StandInApp, context_of, flask_app

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")

APP = StandInApp()
FLASK = flask_app()
NAN, INF = float("nan"), float("inf")


def refuse(text: str) -> t.Any:
    raise AssertionError(f"{text} is no JSON")


def written(value: t.Any, app: StandInApp = APP) -> t.Any:
    """What a strict reader finds in what the provider wrote, whichever of its ways it takes."""
    with context_of(app):
        texts = [
            app.json.dumps(value),
            app.json.dumps(value, separators=(",", ":")),
            app.json.dumps(value, indent=1),
            app.json.response(value).get_data(as_text=True),
        ]
    found = [json.loads(text, parse_constant=refuse) for text in texts]
    assert found == [found[0]] * 4
    return found[0]


def without_unit(make: t.Callable[[], t.Any]) -> t.Any:
    """What is made without a unit of time, which NumPy deprecates from 2.5 on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return make()


SCALARS = [
    (np.int64(-(2**63)), -(2**63)),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.int8(-5), -5),
    (np.bool_(True), True),
    (np.float16(0.5), 0.5),
    (np.float32(0.1), 0.10000000149011612),
    (np.float32(NAN), None),
    (np.float32(-INF), None),
    (np.longdouble(1.5), 1.5),
    (np.longdouble("1e4000"), None),
    (np.str_("é"), "é"),
    (np.datetime64("2026-03-07"), "2026-03-07"),
    (np.datetime64("2026-03"), "2026-03"),
    (np.datetime64("2026-03-07T05", "h"), "2026-03-07T05:00:00"),
    (np.datetime64("2026-03-05", "W"), "2026-03-05"),
    (np.datetime64("2026-03-07T05:06:07.120", "ns"), "2026-03-07T05:06:07.120"),
    (np.datetime64("2026-03-07T05:06:07.000000001", "ns"), "2026-03-07T05:06:07.000000001"),
    (without_unit(lambda: np.datetime64("NaT")), None),
    (np.timedelta64(1500, "ms"), 1.5),
    (np.timedelta64(2, "h"), 7200.0),
    (np.timedelta64("NaT", "s"), None),
    (np.ma.masked, None),
    (pd.NA, None),
    (pd.NaT, None),
    (pd.Timedelta("1min"), 60.0),
    (pd.Timedelta("NaT"), None),
    (pd.Period("2026-03"), "2026-03"),
    (pd.Interval(0, 1), "(0, 1]"),
]


@pytest.mark.parametrize(("value", "expected"), SCALARS, ids=lambda value: repr(value)[:40])
def test_scalars(value: t.Any, expected: t.Any) -> None:
    assert written(value) == expected
    assert type(written({"a": [value]})["a"][0]) is type(expected)


ARRAYS = [
    (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
    (np.array(7), 7),
    (np.array(NAN), None),
    (np.zeros((0, 3)), []),
    (np.zeros((2, 0)), [[], []]),
    (np.array([[1.5, NAN], [INF, -INF]]), [[1.5, None], [None, None]]),
    (np.array([True, False]), [True, False]),
    (np.array(["a", "b"]), ["a", "b"]),
    (np.array([1, None, "x", NAN, [NAN]], dtype=object), [1, None, "x", None, [None]]),
    (np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]]), [[1, None], [3, 4]]),
    (np.ma.array([NAN, 2.0], mask=[False, True]), [None, None]),
    (np.array(["2026-03-07", "NaT"], dtype="M8[D]"), ["2026-03-07", None]),
    (
        np.array(["2026-03-07T01:02:03.5", "2026-03-07"], dtype="M8[ns]"),
        ["2026-03-07T01:02:03.500", "2026-03-07T00:00:00.000"],
    ),
    (np.array([(1, 2.5), (2, NAN)], "i4,f8"), [{"f0": 1, "f1": 2.5}, {"f0": 2, "f1": None}]),
    (np.array([[(1,)], [(2,)]], "i4,"), [[{"f0": 1}], [{"f0": 2}]]),
    (np.array([(1, 2.5)], "i4,f8")[0], {"f0": 1, "f1": 2.5}),
    (pd.Series([1, 2], index=[5, 6]), [1, 2]),
    (pd.Series([1.5, None]), [1.5, None]),
    (pd.Series([1, None], dtype="Int64"), [1, None]),
    (pd.Series(["a", None]), ["a", None]),
    (pd.Series([True, None], dtype="boolean"), [True, None]),
    (pd.Series([timedelta(seconds=90)]), [90.0]),
    (pd.Series([decimal.Decimal("1.10"), NAN]), ["1.10", None]),
    (pd.Categorical(["b", None, "a"]), ["b", None, "a"]),
    (pd.Series(["b", None], dtype="category"), ["b", None]),
    (pd.Categorical([pd.Timestamp("2026-03-07"), None]), ["2026-03-07T00:00:00", None]),
    (pd.cut([1, 5], [0, 2, 6]), ["(0, 2]", "(2, 6]"]),
    (pd.Index([3, 1]), [3, 1]),
    (pd.MultiIndex.from_tuples([("a", 1), ("b", NAN)]), [["a", 1], ["b", None]]),
    (pd.to_datetime(["2026-03-07", None]), ["2026-03-07T00:00:00", None]),
    (
        pd.Series(pd.to_datetime(["2026-03-07T12:00:00.25+02:00", None])),
        ["2026-03-07T12:00:00.250000+02:00", None],
    ),
    (pd.period_range("2026-01", periods=2, freq="M"), ["2026-01", "2026-02"]),
    (pd.DataFrame({"a": [1, 2], "b": [0.5, NAN]}), [{"a": 1, "b": 0.5}, {"a": 2, "b": None}]),
    (pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="key")), [{"key": "x", "a": 1}]),
    (pd.DataFrame({1: [1]}), [{"1": 1}]),
    (pd.DataFrame(), []),
    (pd.DataFrame(index=[1, 2]), [{}, {}]),
]


@pytest.mark.parametrize(("value", "expected"), ARRAYS, ids=lambda value: repr(value)[:40])
def test_arrays_and_frames(value: t.Any, expected: t.Any) -> None:
    assert written(value) == expected
    assert written({"in": [value]}) == {"in": [expected]}


def test_a_timestamp_is_a_datetime_as_in_flask() -> None:
    moment = pd.Timestamp("2026-03-07T05:06:07.5", tz=timezone(timedelta(hours=2)))
    with FLASK.app_context(), context_of(APP):
        assert APP.json.dumps(moment) == flask.json.dumps(moment)
    assert written(moment) == "Sat, 07 Mar 2026 03:06:07 GMT"


@dataclasses.dataclass
class Result:
    day: date
    values: t.Any


def test_beside_what_flask_takes() -> None:
    result = Result(date(2026, 3, 7), np.array([1.0, NAN]))
    expected = {"day": "Sat, 07 Mar 2026 00:00:00 GMT", "values": [1.0, None]}
    assert written(result) == expected


def test_responses() -> None:
    app = Erlen(__name__)
    app.add_url_rule("/", view_func=lambda: {"mean": np.float32(1.5), "x": np.arange(2)})
    assert app.test_client().get("/").text == '{"mean":1.5,"x":[0,1]}\n'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.complex64(1j), "complex64"),
        (np.array([1j]), "complex128"),
        (np.array([b"x"]), "|S1"),
        (np.timedelta64(1, "M"), "no length in seconds"),
        (without_unit(lambda: np.array([1, 2], "m8")), "no length in seconds"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "several levels"),
        (np.dtype("i4"), "Object of type Int32DType is not JSON serializable"),
        (object(), "Object of type object is not JSON serializable"),
        (timedelta(1), "Object of type timedelta is not JSON serializable"),
    ],
)
def test_what_has_no_form(value: t.Any, text: str) -> None:
    with context_of(APP), pytest.raises(TypeError, match=re.escape(text)):
        APP.json.dumps({"a": value})


def test_labels_that_occur_twice_lose_nothing_silently() -> None:
    with pytest.raises(ValueError, match="'a' is the label of several columns"):
        plain(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(ValueError, match="'x' is the label of several index"):
        plain(pd.Series([1, 2], index=["x", "x"]), "index")


def test_orients() -> None:
    index = pd.to_datetime(["2026-03-07", "2026-03-08"])
    frame = pd.DataFrame({"b": [1, 2], "a": [NAN, 0.5]}, index=index)
    first, second = "2026-03-07T00:00:00", "2026-03-08T00:00:00"
    assert plain(frame) == [{"b": 1, "a": None}, {"b": 2, "a": 0.5}]
    assert plain(frame, "list") == {"b": [1, 2], "a": [None, 0.5]}
    assert plain(frame, "split") == {
        "columns": ["b", "a"],
        "index": [first, second],
        "data": [[1, None], [2, 0.5]],
    }
    assert plain(frame, "index") == {first: {"b": 1, "a": None}, second: {"b": 2, "a": 0.5}}
    named = frame["b"].rename_axis("day")
    assert plain(named) == [1, 2]
    assert plain(named, "index") == {first: 1, second: 2}
    assert plain(named, "split") == {"name": "b", "index": [first, second], "data": [1, 2]}
    assert plain(frame.rename_axis("day"), "list") == {
        "day": [first, second],
        "b": [1, 2],
        "a": [None, 0.5],
    }
    with pytest.raises(ValueError, match="records, list, split, index, not 'columns'"):
        plain(frame, "columns")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="of type set"):
        plain({1})


DTYPES = st.sampled_from("i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 ?".split())


@given(st.data())
def test_numbers_come_back(data: t.Any) -> None:
    """What is read is what was written, bit by bit, save that NaN and infinity are null."""
    dtype = np.dtype(data.draw(DTYPES))
    size = data.draw(st.integers(0, 6))
    raw = data.draw(st.binary(min_size=size * dtype.itemsize, max_size=size * dtype.itemsize))
    flags = dtype.kind == "b"
    array = np.frombuffer(raw, np.uint8 if flags else dtype)
    array = (array % 2).astype(bool) if flags else array
    array = array.reshape(data.draw(st.sampled_from([(size,), (1, size), (size, 1)])))
    values = {"x": array}
    if dtype != np.float64:
        # Alone, a float64 is one of Python's floats.
        values |= {"list": list(array.ravel()), "series": pd.Series(array.ravel())}
    found = written(values)
    expected = [
        None if isinstance(item, float) and not math.isfinite(item) else item
        for item in array.ravel().tolist()
    ]
    back = np.array(found["x"], dtype=object).ravel().tolist()
    assert back == expected
    assert [math.copysign(1, x) for x in back if x is not None] == [
        math.copysign(1, x) for x in expected if x is not None
    ]
    assert found.get("list", expected) == found.get("series", expected) == expected


@given(
    st.lists(st.none() | st.integers(-(2**62), 2**62), max_size=5),
    st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_moments_come_back(numbers: list[int | None], unit: str) -> None:
    if unit == "s":
        numbers = [None if n is None else n % 10**11 for n in numbers]
    array = np.array(
        ["NaT" if n is None else np.datetime64(n, unit) for n in numbers], f"M8[{unit}]"
    )
    back = np.array(["NaT" if text is None else text for text in written(array)], f"M8[{unit}]")
    assert np.array_equal(back.view("i8"), array.view("i8"))


COLUMNS = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(),
    "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.none(),
    "moment": st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)) | st.none(),
    "flag": st.booleans(),
}


@given(st.data())
def test_frames_come_back(data: t.Any) -> None:
    rows = data.draw(st.integers(0, 5))
    names = data.draw(st.lists(st.sampled_from(sorted(COLUMNS)), unique=True, min_size=1))
    columns = {name: [data.draw(COLUMNS[name]) for _ in range(rows)] for name in names}
    frame = pd.DataFrame(
        {
            name: pd.Series(items, dtype="datetime64[us]" if name == "moment" else None)
            for name, items in columns.items()
        }
    )
    for found, *wanted in zip(written(frame), *columns.values(), strict=True):
        for name, item in zip(columns, wanted, strict=True):
            value = found[name]
            if name == "moment" and value is not None:
                value = datetime.fromisoformat(value)
            if isinstance(item, float) and not math.isfinite(item):
                item = None
            assert value == item


class TestNotFinite:
    """Python's own floats: as in Flask unless the application asks for valid JSON."""

    @pytest.fixture
    def app(self) -> StandInApp:
        return StandInApp()

    def test_flask_is_followed(self, app: StandInApp) -> None:
        value = {"a": [NAN, np.float64(INF)]}
        with context_of(app), FLASK.app_context():
            assert app.json.dumps(value) == flask.json.dumps(value) == '{"a": [NaN, Infinity]}'

    @pytest.mark.parametrize("debug", [False, True])
    def test_null(self, app: StandInApp, debug: bool) -> None:
        app.config["DEBUG"] = debug
        app.json.not_finite = "null"
        value = {"a": [NAN, (INF, 1.5)], "b": np.float64(-INF), "c": Result(date.min, NAN), NAN: 1}
        value = {str(key): item for key, item in value.items()}
        found = written(value, app)
        assert (found["a"], found["b"], found["c"]["values"]) == ([None, [None, 1.5]], None, None)
        assert math.isnan(value["a"][0])
        assert written({NAN: {"x": 1.5}}, app) == {"nan": {"x": 1.5}}

    def test_error(self, app: StandInApp) -> None:
        app.json.not_finite = "error"
        assert written({"a": [1.5, np.array([NAN])]}, app) == {"a": [1.5, [None]]}
        expected = r"NaN or infinity at \['a'\]\[1\]: .*not_finite = 'null'"
        for write in (app.json.dumps, lambda value: app.json.dumps(value, indent=2)):
            with context_of(app), pytest.raises(ValueError, match=expected):
                write({"a": [1, -INF]})
        with context_of(app), pytest.raises(ValueError, match="Out of range"):
            app.json.dumps({"a": Result(date.min, INF)})

    @pytest.mark.parametrize("how", ["null", "error"])
    def test_other_errors_stay(self, app: StandInApp, how: t.Any) -> None:
        app.json.not_finite = how
        circle: list[t.Any] = [NAN]
        circle.insert(0, circle)
        with context_of(app):
            with pytest.raises(ValueError, match="Circular"):
                app.json.dumps(circle)
            with pytest.raises(TypeError, match="of type set"):
                app.json.dumps([{1}])
            assert app.json.dumps([NAN], allow_nan=True) == "[NaN]"

    @given(
        st.recursive(
            st.floats() | st.integers() | st.text() | st.none(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=10,
        )
    )
    def test_always_valid(self, value: t.Any) -> None:
        app = StandInApp()
        app.json.not_finite = "null"
        found = written(value, app)
        if place_of_not_finite(value) is None:
            assert found == value
        app.json.not_finite = "error"
        with context_of(app):
            if place_of_not_finite(value) is None:
                assert json.loads(app.json.dumps(value)) == value
            else:
                with pytest.raises(ValueError, match="NaN or infinity at "):
                    app.json.dumps(value)


def test_places() -> None:
    assert place_of_not_finite(NAN) == "the value itself"
    assert place_of_not_finite({"a": [0.5, {"b": INF}]}) == "['a'][1]['b']"


def test_nothing_is_imported_for_it() -> None:
    code = (
        "import sys, datetime\n"
        "from erlen import Erlen, jsonify\n"
        "app = Erlen('x')\n"
        "with app.app_context():\n"
        "    jsonify({'a': 1.5, 'b': datetime.date(2026, 1, 1)})\n"
        "    assert 'erlen.json.arrays' not in sys.modules\n"
        "    try:\n"
        "        jsonify({'a': {1}})\n"
        "    except TypeError as error:\n"
        "        assert str(error) == 'Object of type set is not JSON serializable'\n"
        "assert not {'numpy', 'pandas'} & set(sys.modules)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_half_imported_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may just be importing them."""
    half = type(sys)("half")
    for name in ("numpy", "pandas"):
        monkeypatch.setitem(sys.modules, name, half)
    with context_of(APP), pytest.raises(TypeError, match="of type set"):
        APP.json.dumps({1})


def test_an_instant_keeps_its_offset() -> None:
    moment = datetime(2026, 3, 7, 12, tzinfo=UTC)
    series = pd.Series([moment]).dt.tz_convert("Europe/Vienna")
    assert written(series) == ["2026-03-07T13:00:00+01:00"]
