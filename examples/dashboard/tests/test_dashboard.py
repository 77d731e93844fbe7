"""Pages, plots, files, uploads and readings."""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dashboard import analysis, datasets, drawing
from dashboard import plots as plots_module
from dashboard.filters import Selection
from dashboard.live import Smoother
from dashboard.uploads import frame_of
from werkzeug.exceptions import BadRequest

from erlen import Erlen

Client = Any
GOOD = "day,place,count\n2025-03-01,North,118\n2025-03-01,South,74\n2025-03-02,North,131\n"


def upload(client: Client, data: str | bytes, name: str = "my.csv", **more: Any) -> Any:
    content = data.encode() if isinstance(data, str) else data
    return client.post("/upload", data={"file": (io.BytesIO(content), name)}, **more)


def whole(data: str = datasets.SAMPLE, step: str = "week") -> Selection:
    frame = datasets.sample()
    first, last = frame["day"].min().date(), frame["day"].max().date()
    return Selection(data, tuple(sorted(frame["place"].unique())), first, last, step)


class TestPages:
    def test_overview(self, client: Client) -> None:
        page = client.get("/").text
        assert "Bicycles at the bridges" in page
        assert page.count("checked") == 5
        assert "15,358" in page  # The best day of the example.
        total = datasets.sample()["count"].sum()
        assert f"{total:,}" in page

    def test_filters(self, client: Client) -> None:
        page = client.get("/?place=Mill+Weir&from=2024-01-01&to=2024-12-31&step=month").text
        rows = datasets.sample().query("place == 'Mill Weir' and day.dt.year == 2024")
        assert f"{rows['count'].sum():,}" in page
        assert page.count("checked") == 1
        assert "at 1 place." in page
        # All the plots of the page show the same rows.
        for address in re.findall(r'(?:src|srcset)="(/plots[^"]+)"', page):
            assert "place=Mill+Weir" in address and "step=month" in address
            assert client.get(address.replace("&amp;", "&")).status_code == 200

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("place=Nowhere", "no place &#39;Nowhere&#39;"),
            ("step=hour", "A step is one of day, week, month"),
            ("from=yesterday", "&#39;from&#39; is a day like"),
            ("to=2025-02-30", "&#39;to&#39; is a day like"),
            ("from=20250101", "is a day like"),
            ("from=2025-05-02&to=2025-05-01", "is after the last one"),
            ("from=2030-01-01", "is after the last one"),
            ("from=2030-01-01&to=2031-01-01", "There is data from 2023-01-01 to 2025-12-31"),
            ("colour=red", "There is no filter &#39;colour&#39;"),
            ("place=%00%ff<script>", "There is no place"),
        ],
    )
    def test_filters_that_make_no_sense(self, client: Client, query: str, expected: str) -> None:
        for path in ("/", "/plots/trend.svg", "/counts.csv"):
            response = client.get(f"{path}?{query}")
            assert response.status_code == 400
            assert expected in response.text
            assert "<script>" not in response.text
        as_json = client.get(f"/summary.json?{query}")
        assert as_json.status_code == 400
        assert as_json.json["error"]["status"] == 400

    @pytest.mark.parametrize("key", ["0" * 32, "../../etc/passwd", "x", "é" * 32])
    def test_data_that_is_not_there(self, client: Client, key: str) -> None:
        assert client.get("/", query_string={"data": key}).status_code == 404

    def test_a_page_of_few_rows(self, client: Client) -> None:
        page = client.get("/?from=2025-03-01&to=2025-03-01&step=day").text
        assert "Height of the season" not in page
        for name in ("trend", "season", "week"):
            response = client.get(f"/plots/{name}.png?from=2025-03-01&to=2025-03-01&step=day")
            assert response.data.startswith(b"\x89PNG")

    def test_a_place_that_was_not_counted_then(self, client: Client) -> None:
        query = "place=Harbour+Link&from=2023-01-01&to=2023-02-01"
        for path in ("/", "/plots/trend.svg", "/plots/week.svg", "/plots/season.svg"):
            assert client.get(f"{path}?{query}").status_code == 200
        assert client.get(f"/counts.json?{query}").json == []

    def test_nothing_comes_from_elsewhere(self, client: Client) -> None:
        for path in ("/", "/live/", "/upload"):
            response = client.get(path)
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]
            assert not re.search(r'(?:src|href|srcset)="(?:https?:)?//', response.text)


class TestPlots:
    @pytest.mark.parametrize("name", ["trend", "season", "week"])
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_svg_and_png(self, client: Client, name: str, theme: str) -> None:
        svg = client.get(f"/plots/{name}.svg?theme={theme}")
        assert svg.mimetype == "image/svg+xml"
        assert ElementTree.fromstring(svg.data).tag == "{http://www.w3.org/2000/svg}svg"
        # Text stays text: it can be read aloud and found.
        assert ("Station Arch" if name != "season" else "Curve of the year") in svg.text
        png = client.get(f"/plots/{name}.png?theme={theme}&scale=narrow")
        assert png.mimetype == "image/png"
        assert png.data.startswith(b"\x89PNG")

    def test_themes_and_scales_are_checked(self, client: Client) -> None:
        assert client.get("/plots/trend.svg?theme=blue").status_code == 400
        assert client.get("/plots/trend.svg?scale=9").status_code == 400
        assert client.get("/plots/pie.svg").status_code == 404
        assert client.get("/plots/trend.exe").status_code == 404

    def test_caching(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        address = "/plots/trend.svg?place=Mill+Weir"
        first = client.get(address)
        assert first.headers["Cache-Control"] == "max-age=300, public"
        tag = first.headers["ETag"]
        drawn: list[Any] = []
        monkeypatch.setattr(plots_module, "draw", lambda *args: drawn.append(args) or b"")
        again = client.get(address, headers={"If-None-Match": tag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        # A browser that has the plot is answered without drawing.
        assert drawn == []
        for other in ("&step=month", "&theme=dark", "&scale=half", "&from=2024-01-01"):
            response = client.get(address + other, headers={"If-None-Match": tag})
            assert (response.status_code, response.headers["ETag"] != tag) == (200, True)
        assert len(drawn) == 4

    def test_the_same_plot_is_the_same_bytes(self) -> None:
        for kind in ("svg", "png"):
            args = ("trend", whole(), "light", "half", kind)
            assert drawing.draw(*args) == drawing.draw(*args)

    def test_threads_do_not_disturb_each_other(self) -> None:
        """Eight threads draw different plots at once; each is what it is alone."""
        jobs = [
            (name, whole(step="month"), theme, "half", "svg")
            for name in ("trend", "season", "week")
            for theme in ("light", "dark")
        ]
        alone = [drawing.draw(*job) for job in jobs]
        found: dict[int, bytes] = {}
        gate = threading.Barrier(len(jobs))

        def work(n: int) -> None:
            gate.wait()
            found[n] = drawing.draw(*jobs[n])

        threads = [threading.Thread(target=work, args=(n,)) for n in range(len(jobs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [found[n] for n in range(len(jobs))] == alone

    @pytest.mark.parametrize("days", [1, 2, 6, 20, 45, 100, 200, 400, 800, 1096])
    def test_any_span_of_time(self, days: int) -> None:
        chosen = whole(step="day")
        first = pd.Timestamp(chosen.last) - pd.Timedelta(days=days - 1)
        for scale in drawing.SIZES:
            drawing.draw("trend", chosen._replace(first=first.date()), "light", scale, "svg")

    def test_pyplot_is_not_used(self) -> None:
        import sys

        assert "matplotlib.pyplot" not in sys.modules


class TestAnalysis:
    def test_the_sample_is_the_same_each_time(self) -> None:
        again = datasets.sample.__wrapped__()
        pd.testing.assert_frame_equal(again, datasets.sample())
        assert len(again) == 5 * 1096 - 243

    def test_means_per_step(self) -> None:
        found = analysis.per_step(whole(step="month"))
        rows = datasets.sample().query("place == 'Old Bridge'")
        march = rows[(rows["day"] >= "2024-03-01") & (rows["day"] <= "2024-03-31")]
        assert found.loc["2024-03-01", "Old Bridge"] == pytest.approx(march["count"].mean())
        assert len(found) == 36
        assert found["Harbour Link"].isna().sum() == 8

    def test_the_curve_finds_what_made_the_counts(self, app: Erlen) -> None:
        """What is known is inside of the confidence intervals as often as they say."""
        days = pd.date_range("2022-01-01", "2025-12-31")
        years = (days - days[0]).days.to_numpy() / analysis.YEAR
        log = 7 + 0.06 * years + 0.5 * np.cos(2 * np.pi * (years - 0.5))
        selection = Selection("", ("A",), days[0].date(), days[-1].date(), "week")
        growth, band = [], []
        for seed in range(30):
            noise = np.random.default_rng(seed).normal(0, 0.1, len(days))
            counts = np.exp(log + noise).round().astype(int)
            frame = pd.DataFrame({"day": days, "place": "A", "count": counts})
            with app.app_context():
                found = analysis.season(selection._replace(data=datasets.keep(frame)))
            assert found is not None
            middle, low, high = found.growth
            assert low < middle < high < low + 0.02
            growth.append(low < np.expm1(0.06) < high)
            assert found.peak in ("1 July", "2 July", "3 July", "30 June", "4 July")
            # The mean of exp(noise) is more than 1.
            unit = found.weeks.unit
            known = np.interp(found.weeks.asi8, days.as_unit(unit).asi8, log) + 0.1**2 / 2
            band.append(((found.low < np.exp(known)) & (np.exp(known) < found.high)).mean())
        assert np.mean(growth) >= 0.85
        assert 0.85 <= np.mean(band) < 1

    def test_too_little_for_a_curve(self, app: Erlen) -> None:
        with app.app_context():
            short = whole()._replace(first=pd.Timestamp("2025-09-01").date())
            assert analysis.season(short) is None

    def test_smoothing(self) -> None:
        smoother = Smoother()
        assert [round(smoother.feed(5.0), 9) for _ in range(3)] == [5.0] * 3
        step = [smoother.feed(6.0) for _ in range(60)]
        assert 5 < step[0] < 5.2 and step[-1] == pytest.approx(6, abs=0.01)


class TestDownloads:
    def test_csv(self, client: Client) -> None:
        response = client.get("/counts.csv?place=Mill+Weir&from=2025-01-01&to=2025-01-03")
        assert response.mimetype == "text/csv"
        assert response.headers["Content-Disposition"] == "attachment; filename=counts.csv"
        rows = list(csv.reader(io.StringIO(response.text)))
        assert rows[0] == ["day", "place", "count"]
        assert [row[:2] for row in rows[1:]] == [[f"2025-01-0{n}", "Mill Weir"] for n in (1, 2, 3)]

    def test_csv_comes_back_as_an_upload(self, client: Client) -> None:
        text = client.get("/counts.csv").text
        assert text.count("\n") == len(datasets.sample()) + 1
        assert upload(client, text).status_code == 303

    def test_json(self, client: Client) -> None:
        found = client.get("/counts.json?from=2025-01-01").json
        rows = datasets.sample().query("day >= '2025-01-01'")
        assert len(found) == len(rows)
        assert sum(row["count"] for row in found) == rows["count"].sum()
        assert found[0] == {
            "day": "2025-01-01",
            "place": "Old Bridge",
            "count": rows["count"].iloc[0],
        }

    def test_they_are_streamed(self, client: Client) -> None:
        for path in ("/counts.csv", "/counts.json"):
            response = client.get(path)
            assert response.is_streamed
            assert "Content-Length" not in response.headers
            assert len(list(response.iter_encoded())) >= 10

    def test_summary(self, client: Client) -> None:
        found = client.get("/summary.json?step=month&place=Harbour+Link&place=Old+Bridge").json
        means = found["means"]
        assert means["columns"] == ["Old Bridge", "Harbour Link"]
        assert means["index"][0] == "2023-01-01T00:00:00"
        # The second bridge was not there yet: missing is null, not NaN.
        assert means["data"][0][1] is None and means["data"][-1][1] > 0


BAD = [
    (b"", "The first line has to be day,place,count; it says nothing"),
    (b"a,b,c\n1,2,3\n", "it says a, b, c"),
    (b"day,place,count\n", "There are no rows"),
    (b"day,place,count\n\n ,,\n", "There are no rows"),
    (b"day,place,count\n2025-01-01,A\n", "Line 2 has 2 cells, not 3"),
    (b"day,place,count\n2025-01-01,A,1\n2025-01-02,A,1,2\n", "Line 3 has 4 cells"),
    (b"day,place,count\n01.02.2025,A,1\n", "Line 2: '01.02.2025' is no day"),
    (b"day,place,count\n2025-02-30,A,1\n", "Line 2: '2025-02-30' is no day"),
    (b"day,place,count\n0001-01-01,A,1\n", "days are from 1900 to 2200"),
    (b"day,place,count\n2025-01-01,,1\n", "a place has 1 to 40 characters"),
    (b"day,place,count\n2025-01-01,=1+1,1\n", "begins with a letter or a digit"),
    (b"day,place,count\n2025-01-01,A\x07,1\n", "a place has 1 to 40 characters"),
    (b"day,place,count\n2025-01-01,A,-1\n", "a count is a whole number from 0 on, not '-1'"),
    (b"day,place,count\n2025-01-01,A,1.5\n", "not '1.5'"),
    (b"day,place,count\n2025-01-01,A,NaN\n", "not 'NaN'"),
    (b"day,place,count\n2025-01-01,A,99999999999\n", "a count is a whole number"),
    ("day,place,count\n2025-01-01,A,²\n".encode(), "a count is a whole number"),
    (b"day,place,count\n2025-01-01,A,1\n2025-01-01,A,2\n", "Line 3: A on 2025-01-01 is in line 2"),
    (b'day,place,count\n2025-01-01,"A,1\n', "this is no CSV"),
    (b'day,place,count\n2025-01-01,"A"x,1\n', "this is no CSV"),
    (b"day,place,count\n2025-01-01,\xff,1\n", "Line 2 is not UTF-8"),
    (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8"),
    (b"PK\x03\x04\x00\x00", "The first line has to be"),
    (b"day,place,count\n2025-01-01," + b"x" * 200_000 + b",1\n", "this is no CSV"),
]


class TestUploads:
    def test_a_file_gets_its_own_page(self, app: Erlen, client: Client) -> None:
        response = upload(client, GOOD)
        assert response.status_code == 303
        address = response.location
        assert re.fullmatch(r"/\?data=[0-9a-f]{32}", address)
        page = client.get(address).text
        assert "323 counted between 1 March 2025 and 2 March 2025, at 2 places" in " ".join(
            page.split()
        )
        plot = client.get(address.replace("/?", "/plots/trend.svg?"))
        assert plot.headers["Cache-Control"] == "max-age=300, private"
        assert "North" in plot.text
        assert client.get(address.replace("/?", "/counts.csv?")).text == GOOD.replace("\n", "\r\n")
        # Another worker has nothing but the file.
        datasets._uploaded.cache_clear()
        assert client.get(address).text == page

    @pytest.mark.parametrize(
        "text",
        [
            "\ufeff" + GOOD,
            GOOD.replace(",", ";"),
            GOOD.replace("\n", "\r\n"),
            GOOD.replace("North", '"North"').replace("day,place", " Day , PLACE"),
            GOOD + "\n\n",
        ],
    )
    def test_what_programs_write(self, client: Client, text: str) -> None:
        response = upload(client, text)
        assert response.status_code == 303
        assert "323 counted" in client.get(response.location).text

    def test_names_that_pandas_would_take_for_missing(self, client: Client) -> None:
        response = upload(client, "day,place,count\n2025-01-01,NA,1\n2025-01-01,007,2\n")
        page = client.get(response.location).text
        assert 'value="NA"' in page and 'value="007"' in page

    @pytest.mark.parametrize(("data", "expected"), BAD, ids=lambda value: repr(value)[:50])
    def test_bad_files(self, client: Client, data: bytes, expected: str) -> None:
        response = upload(client, data, headers={"Accept": "application/json"})
        assert response.status_code == 400
        assert expected in response.json["error"]["message"]
        page = upload(client, data, headers={"Accept": "text/html"})
        assert page.status_code == 400
        assert 'role="alert"' in page.text and 'type="file"' in page.text

    def test_limits(self, app: Erlen, client: Client) -> None:
        rows = [f"{day.date()},A,1" for day in pd.date_range("2000-01-01", periods=11)]
        app.config["MAX_ROWS"] = 10
        response = upload(client, "day,place,count\n" + "\n".join(rows[:10]))
        assert response.status_code == 303
        response = upload(client, "day,place,count\n" + "\n".join(rows))
        assert response.status_code == 413
        assert "More than 10 rows" in response.text
        app.config["MAX_CONTENT_LENGTH"] = 256 * 1024
        big = upload(client, "x" * 300_000)
        assert big.status_code == 413
        assert "0.25 MB are the most" in big.text
        places = [f"2000-01-01,P{n},1" for n in range(13)]
        app.config["MAX_ROWS"] = 100
        response = upload(client, "day,place,count\n" + "\n".join(places))
        assert response.status_code == 400
        assert "There are 13 places; 12 are the most" in response.text

    def test_no_file(self, client: Client) -> None:
        for data in ({}, {"file": "text"}, {"file": (io.BytesIO(b""), "")}):
            response = client.post("/upload", data=data, content_type="multipart/form-data")
            assert response.status_code == 400
            assert "Choose a file first" in response.text
        picture = upload(client, b"\x89PNG", "a.png", headers={"Accept": "application/json"})
        assert picture.status_code == 415
        assert "image/png, not a CSV file" in picture.json["error"]["message"]

    def test_only_the_newest_are_kept(self, app: Erlen, client: Client) -> None:
        import os
        from pathlib import Path

        addresses = []
        for n in range(5):
            addresses.append(upload(client, GOOD.replace("118", str(n))).location)
            path = Path(app.config["UPLOAD_FOLDER"]) / "uploads" / f"{addresses[-1][-32:]}.csv"
            os.utime(path, (n, n))
        statuses = [client.get(address).status_code for address in addresses]
        assert statuses == [404, 404, 200, 200, 200]

    def test_fields_stay_apart(self) -> None:
        frame = frame_of(b'day,place,count\n2025-01-01,"A, B",1\n2025-01-01,"C ""D""",2\n', 10)
        assert frame["place"].tolist() == ["A, B", 'C "D"']
        with pytest.raises(BadRequest, match="Line 3: a place"):
            frame_of(b'day,place,count\n2025-01-01,"A\nB",1\n', 10)


class TestLive:
    TOKEN = {"Authorization": "Bearer for tests"}

    def test_a_reading_reaches_pages_and_streams(self, client: Client) -> None:
        first = client.post("/live/readings", json={"value": 41.5}, headers=self.TOKEN)
        assert first.status_code == 201
        page = client.get("/live/").text
        points = json.loads(re.search(r'id="points">(.*?)</script>', page)[1])
        assert [point["value"] for point in points] == [41.5]
        after = re.search(r"after=([\d-]+)", page)[1]
        assert after == first.json["id"]
        stream = iter(client.get(f"/live/events?after={after}").response)
        assert next(stream) == b"retry: 1000\n\n"
        client.post("/live/readings", json={"value": 43}, headers=self.TOKEN)
        event = next(stream).decode()
        stream.close()  # type: ignore[attr-defined]
        assert event.startswith("event: reading\nid: ")
        assert json.loads(event.partition("data: ")[2])["value"] == 43
        # After a reload both are there, and a browser that comes back misses nothing.
        assert client.get("/live/").text.count('"value"') == 2
        again = iter(client.get("/live/events", headers={"Last-Event-ID": after}).response)
        next(again)
        assert '"value": 43' in next(again).decode()
        again.close()  # type: ignore[attr-defined]

    def test_strangers_send_nothing(self, app: Erlen, client: Client) -> None:
        for headers in ({}, {"Authorization": "Bearer guess"}, {"Authorization": "Bearer é"}):
            response = client.post("/live/readings", json={"value": 1}, headers=headers)
            assert response.status_code == 401
        app.config["READINGS_TOKEN"] = None
        response = client.post("/live/readings", json={"value": 1}, headers=self.TOKEN)
        assert response.status_code == 401

    @pytest.mark.parametrize(
        "body", ["{", "[]", "{}", '{"value": "1"}', '{"value": true}', '{"value": NaN}',
                 '{"value": -1}', '{"value": 1e9}', '{"value": 1' + "0" * 400 + "}"]
    )  # fmt: skip
    def test_what_is_no_reading(self, client: Client, body: str) -> None:
        response = client.post(
            "/live/readings", data=body, content_type="application/json", headers=self.TOKEN
        )
        assert response.status_code == 400
        assert '"value"' not in client.get("/live/").text
