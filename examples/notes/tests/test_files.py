from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from notes import db, files

from conftest import Person
from erlen import Erlen


def stored(app: Erlen) -> list[Path]:
    return list((Path(app.config["DATA_FOLDER"]) / "files").glob("*"))


def test_attach_list_download_remove(app: Erlen, anna: Person) -> None:
    note = anna.write("Herbarium")
    response = anna.attach(note, "drawing.png", b"\x89PNG...")
    assert (response.status_code, response.location) == (302, note)
    page = anna.get(note).text
    assert "Attached drawing.png." in page
    assert f'href="{note}/files/1"' in page and "7 Bytes" in page
    assert "1 file<" in anna.get("/").text

    response = anna.get(f"{note}/files/1")
    assert response.status_code == 200 and response.data == b"\x89PNG..."
    assert response.headers["Content-Disposition"] == "attachment; filename=drawing.png"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.cache_control.private
    assert anna.get(f"{note}/files/1", headers={"Range": "bytes=1-3"}).data == b"PNG"

    assert anna.send(f"{note}/files/1/delete", page=note).location == note
    assert "drawing.png is removed." in anna.get(note).text
    assert anna.get(f"{note}/files/1").status_code == 404
    assert stored(app) == []


def test_a_page_of_markup_is_saved_and_not_shown(anna: Person) -> None:
    note = anna.write("Page")
    anna.attach(note, "page.html", b"<script>alert(1)</script>")
    response = anna.get(f"{note}/files/1")
    assert response.headers["Content-Disposition"] == "attachment; filename=page.html"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_deleting_a_note_deletes_its_files(app: Erlen, anna: Person) -> None:
    kept, gone = anna.write("Kept"), anna.write("Gone")
    anna.attach(kept, "kept.txt", b"kept")
    anna.attach(gone, "a.txt")
    anna.attach(gone, "b.txt")
    assert "and its 2 files will be gone" in anna.get(f"{gone}/delete").text
    anna.send(f"{gone}/delete")
    assert len(stored(app)) == 1 and anna.get(f"{kept}/files/1").data == b"kept"


def test_several_files_at_once(anna: Person) -> None:
    note = anna.write("Two")
    anna.send(f"{note}/files", page=note, file=[(BytesIO(b"1"), "a.txt"), (BytesIO(b"2"), "b.txt")])
    assert "Attached a.txt, b.txt." in anna.get(note).text


def test_two_files_of_one_name_are_two(anna: Person) -> None:
    note = anna.write("Twins")
    anna.attach(note, "a.txt", b"first")
    anna.attach(note, "a.txt", b"second")
    assert [anna.get(f"{note}/files/{number}").data for number in (1, 2)] == [b"first", b"second"]


def test_no_file_chosen(anna: Person) -> None:
    note = anna.write("None")
    anna.send(f"{note}/files", page=note, file=(BytesIO(b""), ""))
    assert "Choose a file first." in anna.get(note).text
    anna.send(f"{note}/files", page=note, file="no file but a field")
    assert "Choose a file first." in anna.get(note).text


def test_an_empty_file_is_a_file(anna: Person) -> None:
    note = anna.write("Empty")
    anna.attach(note, "empty.txt", b"")
    assert anna.get(f"{note}/files/1").data == b""


def test_a_note_holds_so_many_files(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PER_NOTE", 1)
    note = anna.write("Full")
    anna.attach(note, "a.txt")
    anna.attach(note, "b.txt")
    page = anna.get(note).text
    assert "A note holds 1 files at most." in page and "b.txt" not in page


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../../etc/passwd", "etc_passwd"),
        ("..\\..\\secret.txt", "secret.txt"),
        ("/etc/passwd", "etc_passwd"),
        ("..", "file"),
        ("...", "file"),
        (".htaccess", "htaccess"),
        ("a\0b.txt", "ab.txt"),
        ("日本.pdf", "pdf"),
        ("日本", "file"),
        ("x" * 300 + ".txt", "x" * 96 + ".txt"),
    ],
)
def test_a_name_is_only_a_label(app: Erlen, anna: Person, sent: str, shown: str) -> None:
    note = anna.write("Tricks")
    anna.attach(note, sent)
    names = re.findall(r'files/1">([^<]*)</a>', anna.get(note).text)
    assert names == [shown]
    assert [re.fullmatch("[0-9a-f]{32}", path.name) is None for path in stored(app)] == [False]
    disposition = anna.get(f"{note}/files/1").headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=") and "\n" not in disposition


def test_an_upload_over_the_limit_is_413(make_app: Callable[..., Erlen]) -> None:
    app = make_app(MAX_CONTENT_LENGTH=2 * 1024 * 1024)
    anna = Person(app).enter("anna")
    note = anna.write("Large")
    response = anna.attach(note, "large.bin", b"x" * 2 * 1024 * 1024)
    assert response.status_code == 413
    assert "one upload may have 2 MB at most" in response.text
    assert stored(app) == [] and "large.bin" not in anna.get(note).text
    assert anna.attach(note, "fits.bin", b"x" * 1024 * 1024).status_code == 302


def test_a_file_whose_row_fails_leaves_no_bytes(
    app: Erlen, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = anna.write("Note")
    with app.app_context(), db.get_db() as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON attachment BEGIN SELECT raise(ABORT, 'full'); END"
        )
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    assert anna.attach(note, "a.txt").status_code == 500
    assert stored(app) == [] and "a.txt" not in anna.get(note).text


def test_bytes_that_vanished_are_not_found(app: Erlen, anna: Person) -> None:
    note = anna.write("Gone")
    anna.attach(note, "a.txt")
    stored(app)[0].unlink()
    assert anna.get(f"{note}/files/1").status_code == 404
    assert anna.send(f"{note}/files/1/delete", page=note).status_code == 302
