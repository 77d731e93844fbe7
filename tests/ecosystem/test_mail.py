"""Flask-Mail: messages, attachments, connections, recording, sending to a small SMTP server."""

import smtplib
import socketserver
import threading

import pytest
from flask import Flask, render_template_string
from flask_mail import (
    Attachment,
    BadHeaderError,
    Connection,
    Mail,
    Message,
    email_dispatched,
    force_text,
    sanitize_address,
    sanitize_addresses,
    sanitize_subject,
)


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(TESTING=True, MAIL_DEFAULT_SENDER=("Erl", "from@example.com"))
    return app


@pytest.fixture
def mail(app):
    return Mail(app)


@pytest.fixture
def context(app, mail):
    with app.app_context():
        yield mail


def message(**more):
    return Message("subject", recipients=["to@example.com"], body="text", **more)


def test_state(app, mail):
    assert app.extensions["mail"].suppress is True
    assert mail.suppress is True
    assert mail.default_sender == ("Erl", "from@example.com")


def test_init_app(app):
    mail = Mail()
    mail.init_app(app)
    with app.app_context(), mail.record_messages() as outbox:
        mail.send(message())
    assert len(outbox) == 1


def test_not_configured():
    with Flask(__name__).app_context(), pytest.raises(RuntimeError, match="not configured"):
        Mail().connect()


def test_needs_a_context(mail):
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        message()


def test_sending_from_a_view(app, mail):
    @app.get("/send")
    def send():
        mail.send_message(
            "hello",
            recipients=["a@example.com"],
            html=render_template_string("<b>{{ name }}</b>", name="<x>"),
        )
        return "sent"

    with mail.record_messages() as outbox:
        assert app.test_client().get("/send").text == "sent"
    assert outbox[0].subject == "hello"
    assert outbox[0].html == "<b>&lt;x&gt;</b>"
    assert outbox[0].sender == "Erl <from@example.com>"


def test_signal_carries_the_application(app, mail):
    seen = []

    def receive(sender, message):
        seen.append((sender, message.subject))

    with app.app_context(), email_dispatched.connected_to(receive):
        mail.send(message())
    assert seen == [(app, "subject")]


def test_message_parts(context):
    sent = message(
        cc=["cc@example.com"],
        bcc=["bcc@example.com"],
        reply_to="reply@example.com",
        extra_headers={"X-Extra": "1"},
        html="<p>text</p>",
    )
    sent.add_recipient(("Two", "two@example.com"))
    assert sent.send_to >= {"to@example.com", "cc@example.com", "bcc@example.com"}
    text = str(sent)
    for part in ("Cc: cc@example.com", "Reply-To: reply@example.com", "X-Extra: 1", "<p>text"):
        assert part in text
    assert "bcc@example.com" not in text
    assert bytes(sent).startswith(b"Content-Type: multipart/")


def test_attachments(context, app):
    sent = message()
    sent.attach("a.txt", "text/plain", "content")
    sent.attachments.append(Attachment("böse.png", data=b"\x89PNG", disposition="inline"))
    with app.open_resource("test_mail.py") as file:
        sent.attach("me.py", "text/x-python", file.read())
    text = sent.as_string()
    assert 'filename="a.txt"' in text or "filename=a.txt" in text
    assert "image/png" in text and "inline" in text and "me.py" in text
    with pytest.raises(ValueError):
        Attachment("nothing.txt")


@pytest.mark.parametrize("field", ["subject", "sender", "recipients", "reply_to"])
def test_header_injection(context, field):
    bad = "evil\r\nBcc: x@example.com"
    values = {"subject": "s", "recipients": ["to@example.com"]}
    values[field] = [bad] if field == "recipients" else bad
    with pytest.raises(BadHeaderError):
        context.send(Message(body="b", **values))


def test_connection_counts(context, app):
    with context.connect() as connection, context.record_messages() as outbox:
        assert isinstance(connection, Connection)
        for _ in range(3):
            connection.send(message())
        connection.send_message("s", recipients=["x@example.com"])
        assert connection.num_emails == 4
    assert len(outbox) == 4


def test_no_recipients_no_sender(context, app):
    with pytest.raises(AssertionError, match="recipients"):
        context.send(Message("s"))
    app.extensions["mail"].default_sender = None
    with pytest.raises(AssertionError, match="sender"):
        context.send(Message("s", recipients=["a@example.com"]))


def test_sanitizing():
    assert force_text(b"\xc3\xa4") == "ä"
    assert sanitize_subject("ä").startswith("=?utf-8?")
    assert sanitize_address(("Ä", "a@example.com")).endswith("<a@example.com>")
    assert list(sanitize_addresses(["a@example.com"])) == ["a@example.com"]


class Session(socketserver.StreamRequestHandler):
    """As much of SMTP as `smtplib` needs."""

    def handle(self):
        self.say("220 here")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.received.append(b"".join(lines))
                self.say("250 ok")
            elif word == b"QUIT":
                return self.say("221 bye")
            elif word == b"EHLO":
                self.say("250 example")
            elif word == b"STAR":
                self.say("454 no TLS here")
            else:
                self.say("250 ok")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        server.received = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_over_the_wire(app, server):
    app.config.update(MAIL_PORT=server.server_address[1], MAIL_SUPPRESS_SEND=False)
    app.config["MAIL_MAX_EMAILS"] = 1
    mail = Mail(app)

    @app.get("/send")
    def send():
        with mail.connect() as connection:
            connection.send(message())
            connection.send(message())
        return "ok"

    assert app.test_client().get("/send").text == "ok"
    assert len(server.received) == 2
    assert b"Subject: subject" in server.received[0]


def test_tls_refused(app, server):
    app.config.update(
        MAIL_PORT=server.server_address[1], MAIL_SUPPRESS_SEND=False, MAIL_USE_TLS=True
    )
    mail = Mail(app)
    with app.app_context(), pytest.raises(smtplib.SMTPNotSupportedError):
        mail.send(message())
