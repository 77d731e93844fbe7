from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from conftest import Person
from erlen import Erlen


def test_write_read_change_delete(anna: Person) -> None:
    note = anna.write("Plum cake", "500 g plums\n200 g flour")
    page = anna.get(note).text
    assert "Note saved." in page and "Plum cake" in page and "500 g plums\n200 g flour" in page
    assert "Note saved." not in anna.get(note).text
    assert 'value="Plum cake"' in anna.get(f"{note}/edit").text

    response = anna.send(f"{note}/edit", title="Plum tart", body="Less sugar")
    assert (response.status_code, response.location) == (302, note)
    page = anna.get(note).text
    assert "Changes saved." in page and "Plum tart" in page and "500 g" not in page

    assert "Delete this note?" in anna.get(f"{note}/delete").text
    response = anna.send(f"{note}/delete")
    assert (response.status_code, response.location) == (302, "/")
    assert "“Plum tart” is deleted." in anna.get("/").text
    assert anna.get(note).status_code == 404


@pytest.mark.parametrize(
    ("title", "body", "message"),
    [
        ("", "text", "Give the note a title"),
        (" \n\t ", "text", "Give the note a title"),
        ("\0", "text", "Give the note a title"),
        ("t" * 201, "text", "Give the note a title"),
        ("title", "x" * 100_001, "100,000 characters at most"),
    ],
)
def test_what_is_no_note_is_shown_again(anna: Person, title: str, body: str, message: str) -> None:
    note = anna.write("kept")
    for path in ("/notes/new", f"{note}/edit"):
        response = anna.send(path, title=title, body=body)
        assert response.status_code == 400 and message in response.text
        assert 'aria-invalid="true"' in response.text and body in response.text
    assert anna.get("/").text.count('class="card"') == 1 and "kept" in anna.get(note).text


def test_text_is_tidied(anna: Person) -> None:
    note = anna.write("  two \r\n words\0 ", "a\r\nb\0\n\n")
    page = anna.get(f"{note}/edit").text
    assert 'value="two words"' in page and "\na\nb</textarea>" in page


def test_markup_in_a_note_is_text(anna: Person) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    note = anna.write(attack, attack + ' javascript:alert(1) https://a.example/"onclick=x')
    anna.attach(note, "<img src=x onerror=alert(1)>.txt")
    pages = [note, f"{note}/edit", f"{note}/delete", "/", f"/?q={attack}"]
    for page in [*pages, f"/login?next=/{attack}"]:
        text = anna.get(page).text
        assert "<script" not in text and "<img src=x" not in text
        assert 'href="javascript' not in text and '"onclick' not in text


def test_addresses_in_a_note_are_links(anna: Person) -> None:
    page = anna.get(anna.write("Link", "see https://example.org/a?b=1&c=2 now")).text
    assert '<a href="https://example.org/a?b=1&amp;c=2" rel="nofollow noopener">' in page, (
        "the address is escaped once"
    )


def test_the_list_is_ordered_and_paged(make_app: Callable[..., Erlen]) -> None:
    anna = Person(make_app(NOTES_PER_PAGE=2)).enter("anna")
    for number in range(5):
        anna.write(f"Note {number}")
    first, last = anna.get("/").text, anna.get("/?page=3").text
    assert first.index("Note 4") < first.index("Note 3") and "Note 2" not in first
    assert "Page 1 of 3" in first and "page=2" in first and "Newer" not in first
    assert "Note 0" in last and "Page 3 of 3" in last and "Older" not in last
    anna.send("/notes/1/edit", title="Note 0 again", body="")
    assert "Note 0 again" in anna.get("/").text


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "1.5", "999", "9" * 30, "9" * 5000, "%00"])
def test_a_page_that_is_not_there_is_the_nearest(anna: Person, number: str) -> None:
    anna.write("Only one")
    response = anna.get(f"/?page={number}")
    assert response.status_code == 200 and "Only one" in response.text


@pytest.fixture
def writer(make_app: Callable[..., Erlen], search_kind: bool) -> Person:
    anna = Person(make_app(FULL_TEXT_SEARCH=search_kind)).enter("anna")
    anna.write("Shopping", "Oat milk, rye bread")
    anna.write("Bread recipe", "Rye flour and water")
    anna.write("Rates", '100% wool; snake_case; C:\\temp; "quoted"; it\'s')
    return anna


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("milk", {"Shopping"}),
        ("MILK", {"Shopping"}),
        ("bread", {"Shopping", "Bread recipe"}),
        ("rye bread", {"Shopping", "Bread recipe"}),
        ("flour bread", {"Bread recipe"}),
        ("bre", {"Shopping", "Bread recipe"}),
        ("butter", set()),
        ("milk butter", set()),
        ("100%", {"Rates"}),
        ("snake_case", {"Rates"}),
        ('"quoted"', {"Rates"}),
        ("it's", {"Rates"}),
        ("C:\\temp", {"Rates"}),
    ],
)
def test_search(writer: Person, query: str, titles: set[str]) -> None:
    page = writer.client.get("/", query_string={"q": query})
    assert page.status_code == 200
    assert set(re.findall(r"/notes/\d+\">([^<]*)<", page.text)) == titles


@pytest.mark.parametrize(
    "query",
    [
        "' OR 1=1 --",
        "') OR 1=1 --",
        "'; DROP TABLE note; --",
        "milk OR flour",
        "milk NOT rye",
        "NEAR(milk flour)",
        "title:milk",
        "zz%",
        "zz_",
        "zz\\",
        '"',
        '""',
        '"*',
        "*",
        "(",
        "^milk-",
        "\0",
        "milk\0' OR 1=1",
        "\ufffd\U0001f333",
        "zq " * 100,
        "-",
    ],
)
def test_a_query_is_words_and_never_code(writer: Person, query: str) -> None:
    page = writer.client.get("/", query_string={"q": query})
    assert page.status_code == 200
    assert page.text.count('<li class="card">') < 3 or not query.strip("\0")
    assert writer.get("/").text.count('<li class="card">') == 3


def test_search_follows_changes(writer: Person) -> None:
    writer.send("/notes/1/edit", title="Shopping", body="Tea")
    assert "No notes with “milk”" in writer.get("/?q=milk").text
    assert ">Shopping<" in writer.get("/?q=tea").text
    writer.send("/notes/1/delete")
    assert "No notes with “tea”" in writer.get("/?q=tea").text


def test_the_index_takes_in_older_notes(make_app: Callable[..., Erlen]) -> None:
    Person(make_app(FULL_TEXT_SEARCH=False)).enter("anna").write("Early bird")
    anna = Person(make_app())
    anna.send("/login", name="anna", password="four quiet trees")
    assert ">Early bird<" in anna.get("/?q=bird").text


def test_search_keeps_to_the_pages(make_app: Callable[..., Erlen]) -> None:
    anna = Person(make_app(NOTES_PER_PAGE=1)).enter("anna")
    anna.write("rye one")
    anna.write("rye two")
    assert "/?q=rye&amp;page=2" in anna.get("/?q=rye").text


OTHERS = ["/notes/1", "/notes/1/edit", "/notes/1/delete", "/notes/1/files/1"]


@pytest.mark.parametrize("path", OTHERS)
def test_anothers_note_is_not_there(anna: Person, bert: Person, path: str) -> None:
    anna.attach(anna.write("Secret"), "secret.txt")
    missing = bert.get(path.replace("/1", "/9"))
    response = bert.get(path)
    assert response.status_code == 404 == missing.status_code
    assert "Secret" not in response.text and response.text == missing.text


@pytest.mark.parametrize("path", ["/edit", "/delete", "/files", "/files/1/delete"])
def test_anothers_note_can_not_be_changed(anna: Person, bert: Person, path: str) -> None:
    note = anna.write("Secret")
    anna.attach(note, "secret.txt", b"secret")
    response = bert.send(note + path, page="/", title="mine", body="mine")
    assert response.status_code == 404
    assert "Secret" in anna.get(note).text and anna.get(f"{note}/files/1").data == b"secret"


def test_anothers_notes_are_not_found(anna: Person, bert: Person) -> None:
    anna.write("Secret")
    assert "Secret" not in bert.get("/").text
    assert ">Secret<" not in bert.get("/?q=secret").text


def test_a_file_is_reached_through_its_own_note_only(anna: Person, bert: Person) -> None:
    anna.attach(anna.write("Secret"), "secret.txt", b"secret")
    note = bert.write("Mine")
    assert bert.get(f"{note}/files/1").status_code == 404
    assert bert.send(f"{note}/files/1/delete", page="/").status_code == 404
    assert anna.get("/notes/1/files/1").data == b"secret"


ODD = ["0", "-1", "9" * 18, "9" * 19, "9" * 5000, "٣", "1.0", "x", "%00"]


@pytest.mark.parametrize("number", ODD)
def test_odd_numbers_are_not_found(anna: Person, number: str) -> None:
    assert anna.get(f"/notes/{number}").status_code == 404
    assert anna.get(f"/api/notes/{number}").status_code == 404
