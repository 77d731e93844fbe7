"""The JSON forms of NumPy's and pandas' values.

Neither is imported here: a value of theirs can only exist where the application has imported
them, and then they are in ``sys.modules``. The provider comes here last, before it refuses a
value. Why they are taken at all: docs/decisions/0009-numpy-and-pandas-in-json.md.
"""

from __future__ import annotations

import math
import sys
import typing as t

Orient = t.Literal["records", "list", "split", "index"]

_ORIENTS = ("records", "list", "split", "index")

#: The one value for "has no form here", as None is a form.
REFUSED: t.Any = object()


def plain(value: t.Any, orient: Orient = "records") -> t.Any:
    """A NumPy or pandas value as lists, dictionaries and what JSON has a form for.

    What is missing (NaN, NaT, NA, masked) and what JSON has no number for (infinity) is None.

    Args:
        value: A scalar, array, ``Series``, ``Index``, ``DataFrame``, ...
        orient: The shape of a ``DataFrame`` of columns ``a`` and ``b``: ``"records"`` is
            ``[{"a": 1, "b": 2}, ...]``, ``"list"`` is ``{"a": [1, ...], "b": [2, ...]}``,
            ``"split"`` is ``{"columns": [...], "index": [...], "data": [[1, 2], ...]}``, and
            ``"index"`` is ``{"first": {"a": 1, "b": 2}, ...}``. A ``Series`` is a list of its
            values, with ``"split"`` an object with its name and index too, with ``"index"`` one
            of values by label. Elsewhere it has no meaning.

    Raises:
        TypeError: There is no form for it.
        ValueError: The orient is none of these, or labels that become keys are not unique.
    """
    if orient not in _ORIENTS:
        raise ValueError(f"orient is one of {', '.join(_ORIENTS)}, not {orient!r}")
    form = form_of(value, orient)
    if form is REFUSED:
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
    return form


def form_of(value: t.Any, orient: str = "records") -> t.Any:
    """As `plain`, but gives ``REFUSED`` for what is neither NumPy's nor pandas'.

    Args:
        value: Any value.
        orient: As for `plain`.
    """
    # While another thread imports them, they may lack names; no value exists then.
    numpy: t.Any = sys.modules.get("numpy")
    if isinstance(value, getattr(numpy, "generic", ())):
        return _scalar(numpy, value)
    if isinstance(value, getattr(numpy, "ndarray", ())):
        return _array(numpy, value)
    pandas: t.Any = sys.modules.get("pandas")
    if getattr(pandas, "DataFrame", None) is None:
        return REFUSED
    if isinstance(value, pandas.DataFrame):
        return _frame(numpy, pandas, value, orient)
    if isinstance(value, pandas.Series):
        return _series(numpy, pandas, value, orient)
    if isinstance(value, (pandas.Index, pandas.api.extensions.ExtensionArray)):
        return _column(numpy, pandas, value)
    if value is pandas.NA or value is pandas.NaT:
        return None
    if isinstance(value, pandas.Timedelta):
        return _scalar(numpy, value.to_timedelta64())
    if isinstance(value, (pandas.Period, pandas.Interval)):
        return str(value)
    return REFUSED


def finite(value: t.Any) -> t.Any:
    """A value made of dictionaries and lists, with None for each float that isn't a number.

    Args:
        value: What is to be written; it is not changed.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        # A key is text in JSON, whatever its value.
        return {
            str(key) if isinstance(key, float) and not math.isfinite(key) else key: finite(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def place_of_not_finite(value: t.Any, place: str = "") -> str | None:
    """Where the first float is that isn't a number, like ``['prices'][3]``; None: nowhere.

    Args:
        value: What is to be written.
        place: Where the value itself is.
    """
    if isinstance(value, float):
        return None if math.isfinite(value) else place or "the value itself"
    items: t.Iterable[tuple[t.Any, t.Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    for key, item in items:
        found = place_of_not_finite(item, f"{place}[{key!r}]")
        if found is not None:
            return found
    return None


def _scalar(numpy: t.Any, value: t.Any) -> t.Any:
    if isinstance(value, numpy.bool_):
        return bool(value)
    if isinstance(value, numpy.integer) and not isinstance(value, numpy.timedelta64):
        return int(value)
    return _array(numpy, numpy.asarray(value))


def _array(numpy: t.Any, array: t.Any) -> t.Any:
    """The nested lists of an array; of one without dimensions, its value."""
    if isinstance(array, numpy.ma.MaskedArray):
        return _masked(numpy, array)
    kind = array.dtype.kind
    if kind in "biuU":
        return array.tolist()
    if kind == "f":
        return _floats(numpy, array)
    if kind == "M":
        return _moments(numpy, array)
    if kind == "m":
        return _seconds(numpy, array)
    if kind in "OT":
        # Objects are written as they would be by themselves, but a column of text has NaN
        # where one is missing.
        return finite(array.tolist())
    if kind == "V" and array.dtype.names:
        return _records(numpy, array)
    raise TypeError(
        f"A {type(array).__name__} of {array.dtype} is not JSON serializable: JSON has no such"
        " values. Convert it, say with .real or .astype(str)."
    )


def _floats(numpy: t.Any, array: t.Any) -> t.Any:
    if array.dtype.itemsize > 8:
        # Python has no longer floats; what is too big for one is infinity.
        with numpy.errstate(over="ignore"):
            array = array.astype(numpy.float64)
    return _with_none(numpy, array, ~numpy.isfinite(array))


def _with_none(numpy: t.Any, array: t.Any, missing: t.Any) -> t.Any:
    if not missing.any():
        return array.tolist()
    # `where`, as an array without dimensions can't be assigned to by a mask.
    return numpy.where(missing, None, array.astype(object)).tolist()


def _moments(numpy: t.Any, array: t.Any) -> t.Any:
    """ISO 8601, with as many decimals as the most exact of them needs."""
    missing = numpy.isnat(array)
    unit = numpy.datetime_data(array.dtype)[0]
    if unit in ("h", "m"):
        # Readers of ISO 8601 want minutes and seconds where there are hours.
        array = array.astype("M8[s]")
    elif unit == "W":
        array = array.astype("M8[D]")
    elif unit in ("ms", "us", "ns"):
        for coarser in ("s", "ms", "us"):
            rounded = array.astype(f"M8[{coarser}]")
            if ((rounded == array) | missing).all():
                array = rounded
                break
    return _with_none(numpy, numpy.datetime_as_string(array), missing)


def _seconds(numpy: t.Any, array: t.Any) -> t.Any:
    unit = numpy.datetime_data(array.dtype)[0]
    if unit in ("Y", "M", "generic"):
        raise TypeError(
            f"A {array.dtype} is not JSON serializable: it has no length in seconds."
            " Give it a unit of weeks or less."
        )
    return _floats(numpy, array / numpy.timedelta64(1, "s"))


def _masked(numpy: t.Any, array: t.Any) -> t.Any:
    out = numpy.empty(array.size, dtype=object)
    for place, item in enumerate(_array(numpy, numpy.asarray(array).ravel())):
        out[place] = item
    out[numpy.ma.getmaskarray(array).ravel()] = None
    return out.reshape(array.shape).tolist()


def _records(numpy: t.Any, array: t.Any) -> t.Any:
    if array.ndim > 1:
        return [_records(numpy, part) for part in array]
    names = array.dtype.names
    if array.ndim == 0:
        return {name: _array(numpy, numpy.asarray(array[name])) for name in names}
    columns = [_array(numpy, array[name]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _column(numpy: t.Any, pandas: t.Any, values: t.Any) -> list[t.Any]:
    """The values of a series, an index or an extension array."""
    dtype = values.dtype
    if isinstance(values, pandas.MultiIndex):
        return [list(finite(label)) for label in values.tolist()]
    if isinstance(dtype, numpy.dtype):
        return _array(numpy, values.to_numpy())  # type: ignore[no-any-return]
    if isinstance(dtype, pandas.CategoricalDtype):
        forms = _column(numpy, pandas, dtype.categories)
        codes = values.cat.codes if isinstance(values, pandas.Series) else values.codes
        return [None if code < 0 else forms[code] for code in codes.tolist()]
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return [None if moment is pandas.NaT else moment.isoformat() for moment in values]
    return [_item(item) for item in values]


def _item(value: t.Any) -> t.Any:
    form = form_of(value)
    return finite(value) if form is REFUSED else form


def _frame(numpy: t.Any, pandas: t.Any, frame: t.Any, orient: str) -> t.Any:
    if orient in ("records", "list") and any(name is not None for name in frame.index.names):
        # Its author gave the index a name: it says something that the rows do not.
        frame = frame.reset_index()
    labels = _keys(pandas, frame.columns, "columns")
    columns = [_column(numpy, pandas, frame.iloc[:, place]) for place in range(len(labels))]
    if orient == "list":
        return dict(zip(labels, columns, strict=True))
    rows = list(zip(*columns, strict=True)) if columns else [()] * len(frame)
    if orient == "split":
        index = _column(numpy, pandas, frame.index)
        return {"columns": labels, "index": index, "data": [list(row) for row in rows]}
    records = [dict(zip(labels, row, strict=True)) for row in rows]
    if orient == "index":
        return dict(zip(_keys(pandas, frame.index, "index"), records, strict=True))
    return records


def _series(numpy: t.Any, pandas: t.Any, series: t.Any, orient: str) -> t.Any:
    values = _column(numpy, pandas, series)
    if orient == "index":
        return dict(zip(_keys(pandas, series.index, "index"), values, strict=True))
    if orient == "split":
        name = None if series.name is None else str(series.name)
        return {"name": name, "index": _column(numpy, pandas, series.index), "data": values}
    return values


def _keys(pandas: t.Any, labels: t.Any, what: str) -> list[str]:
    """Labels as the keys of an object."""
    if isinstance(labels, pandas.MultiIndex):
        raise TypeError(
            f"A DataFrame whose {what} have several levels is not JSON serializable: join the"
            f" levels first, say with frame.{what} = ['.'.join(map(str, label)) for label in"
            f" frame.{what}]"
        )
    keys = [label.isoformat() if hasattr(label, "isoformat") else str(label) for label in labels]
    if len(set(keys)) < len(keys):
        twice = next(key for place, key in enumerate(keys) if key in keys[:place])
        raise ValueError(f"{twice!r} is the label of several {what}: as keys they must be unique")
    return keys
