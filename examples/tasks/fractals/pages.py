"""The pages: order a picture, see how far it is, see it."""

from __future__ import annotations

from typing import Any

from erlen import (
    Blueprint,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    send_file,
    session,
    url_for,
)
from erlen.tasks import QueueUnavailable, task_status

from .drawing import draw, picture_path
from .places import PLACES, SIZES

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> Any:
    """The form, and the visitor's pictures."""
    return page()


def page(problem: str = "", status: int = 200) -> Any:
    """The page, perhaps with something that went wrong."""
    chosen = {"place": request.form.get("place"), "size": request.form.get("size")}
    content = render_template(
        "index.html",
        pictures=looked_up(),
        places=PLACES,
        sizes=SIZES,
        problem=problem,
        chosen={"place": chosen["place"] or "seahorses", "size": chosen["size"] or "medium"},
    )
    return content, status


@bp.post("/")
def order() -> Any:
    """Put a picture into the queue."""
    place, size = request.form["place"], request.form["size"]
    if place not in PLACES or size not in SIZES:
        abort(400, "There is no such place or size.")
    try:
        task = draw.delay(place, size)
    except QueueUnavailable:
        return page("The workshop is closed at the moment. Try again in a few seconds.", 503)
    most = current_app.config["PICTURES_PER_VISITOR"]
    # The session says whose picture it is; nobody else gets to see it.
    session["pictures"] = [[task.id, place, size], *session.get("pictures", [])][:most]
    return redirect(url_for(".index"))


@bp.get("/pictures")
def pictures() -> Any:
    """How far the visitor's pictures are, for the page's script."""
    return looked_up()


@bp.get("/pictures/<uuid:id>.png")
def picture(id: Any) -> Any:
    """A picture that is ready."""
    if str(id) not in {mine for mine, _, _ in session.get("pictures", [])}:
        abort(404)
    path = picture_path(str(id))
    if not path.exists():
        abort(404)
    response = send_file(path, max_age=86_400)
    response.cache_control.private = True
    return response


def looked_up() -> list[dict[str, Any]]:
    """The visitor's pictures, the newest first."""
    return [looked_up_one(*entry) for entry in session.get("pictures", [])]


def looked_up_one(id: str, place: str, size: str) -> dict[str, Any]:
    """What the page shows of one picture."""
    try:
        status = task_status(id)
    except QueueUnavailable:
        return card(id, place, size, "waiting", note="Nobody knows just now")
    if status.state == "SUCCESS":
        src = url_for(".picture", id=id)
        return card(id, place, size, "ready", 100, f"{status.result['seconds']} seconds", src)
    if status.ready:
        # Why, is in the worker's log: it is nothing to a visitor.
        return card(id, place, size, "failed", note="That did not work")
    if status.total:
        return card(id, place, size, "drawing", 100 * status.done / status.total, status.note)
    again = status.state == "RETRY"
    return card(id, place, size, "waiting", note="Once more, soon" if again else "In the queue")


def card(
    id: str, place: str, size: str, state: str, percent: float = 0, note: str = "", src: str = ""
) -> dict[str, Any]:
    """One entry of the list."""
    width = SIZES[size]
    return {
        "id": id,
        "title": PLACES[place].title,
        "size": f"{width} × {width * 2 // 3}",
        "state": state,
        "percent": round(percent),
        "note": note,
        "src": src,
    }
