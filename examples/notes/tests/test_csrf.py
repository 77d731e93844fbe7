from __future__ import annotations

import pytest

from conftest import PASSWORD, Person
from erlen import Erlen

FORMS = [
    "/login",
    "/register",
    "/logout",
    "/notes/new",
    "/notes/1/edit",
    "/notes/1/delete",
    "/notes/1/files",
    "/notes/1/files/1/delete",
]


def test_the_list_above_is_whole(app: Erlen) -> None:
    found = {
        rule.rule.replace("<id:note_id>", "1").replace("<id:file_id>", "1")
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and not rule.endpoint.startswith("api.")
    }
    assert found == set(FORMS)


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("token", [None, "", "wrong", "é", "of another"])
def test_a_form_without_the_right_token_is_refused(
    anna: Person, bert: Person, path: str, token: str | None
) -> None:
    note = anna.write("kept")
    anna.attach(note, "kept.txt")
    data = {"title": "changed", "name": "carl", "password": PASSWORD}
    if token is not None:
        data["csrf_token"] = bert.token("/") if token == "of another" else token
    response = anna.client.post(path, data=data)
    assert response.status_code == 400
    assert "This form has expired." in response.text
    page = anna.get(note).text
    assert "kept" in page and "kept.txt" in page and "Log out" in page


def test_without_a_session_an_empty_token_is_no_match(visitor: Person) -> None:
    response = visitor.client.post("/login", data={"csrf_token": ""})
    assert response.status_code == 400


def test_the_token_changes_at_login(visitor: Person) -> None:
    before = visitor.token()
    visitor.enter("anna")
    assert visitor.token("/") != before


def test_every_form_that_posts_has_a_token(anna: Person) -> None:
    note = anna.write("title")
    anna.attach(note, "a.txt")
    for page in ("/", "/notes/new", note, f"{note}/edit", f"{note}/delete", "/login", "/register"):
        forms = anna.get(page).text.split("<form")[1:]
        posts = [form for form in forms if 'method="post"' in form]
        assert posts
        assert all('name="csrf_token"' in form.split("</form>")[0] for form in posts)
