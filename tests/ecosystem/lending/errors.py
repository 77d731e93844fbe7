"""The pages for what goes wrong."""

from flask import render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException


def add_to(app):
    @app.errorhandler(HTTPException)
    def http(error):
        kept = [pair for pair in error.get_headers() if pair[0] != "Content-Type"]
        return render_template("errors/page.html", error=error), error.code, kept

    @app.errorhandler(CSRFError)
    def forged(error):
        return render_template("errors/page.html", error=error, forged=True), 400

    @app.errorhandler(500)
    def failed(error):
        cause = type(error.original_exception).__name__
        return render_template("errors/page.html", error=error, cause=cause), 500

    @app.errorhandler(ZeroDivisionError)
    def zero(error):
        return f"nothing divides {request.path}", 418

    @app.get("/fail/<kind>")
    def fail(kind):
        raise {"zero": ZeroDivisionError, "key": KeyError, "os": OSError}[kind]("x")
