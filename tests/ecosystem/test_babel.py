"""Flask-Babel: selectors, translations, formats, domains, in views and in templates."""

import datetime as dt
import decimal

import flask_babel as fb
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.support import NullTranslations
from flask import Flask, flash, g, get_flashed_messages, render_template_string, request

MOMENT = dt.datetime(2024, 3, 9, 13, 46)
GERMAN = {
    "Hello": "Hallo",
    "Hello %(name)s!": "Hallo %(name)s!",
    "Yes": "Ja",
}


def write_catalog(folder, domain="messages", extra=None):
    catalog = Catalog(locale="de", domain=domain)
    for source, target in {**GERMAN, **(extra or {})}.items():
        catalog.add(source, target)
    catalog.add(("%(num)d Apple", "%(num)d Apples"), ("%(num)d Apfel", "%(num)d Äpfel"))
    # What a template's {% trans %} asks for:
    catalog.add(("%(num)s Apple", "%(num)s Apples"), ("%(num)s Apfel", "%(num)s Äpfel"))
    catalog.add("May", "Mai", context="month")
    catalog.add(("%(num)d Bow", "%(num)d Bows"), ("%(num)d Bug", "%(num)d Buge"), context="ship")
    place = folder / "de" / "LC_MESSAGES"
    place.mkdir(parents=True, exist_ok=True)
    with open(place / f"{domain}.mo", "wb") as file:
        write_mo(file, catalog)


@pytest.fixture
def app(tmp_path):
    write_catalog(tmp_path / "one")
    write_catalog(tmp_path / "two", "other", {"Hello": "Servus"})
    app = Flask(__name__)
    app.config.update(SECRET_KEY="k", BABEL_TRANSLATION_DIRECTORIES=str(tmp_path / "one"))
    fb.Babel(
        app,
        locale_selector=lambda: request.args.get("lang"),
        timezone_selector=lambda: request.args.get("zone"),
    )

    @app.get("/")
    def index():
        return fb.gettext("Hello %(name)s!", name="<x>")

    return app


def test_locale_of_each_request(app):
    client = app.test_client()
    assert client.get("/").text == "Hello <x>!"
    assert client.get("/?lang=de").text == "Hallo <x>!"
    assert client.get("/").text == "Hello <x>!"


def test_outside_of_everything():
    assert fb.get_locale() is None
    assert fb.gettext("Hello") == "Hello"
    assert str(fb.lazy_gettext("Hello")) == "Hello"
    assert isinstance(fb.get_translations(), NullTranslations)
    with fb.force_locale("de"):
        assert fb.get_locale() is None
    with pytest.raises(RuntimeError):
        fb.Domain().as_default()


def test_application_context_alone(tmp_path):
    app = Flask(__name__)
    fb.Babel(app, default_locale="de", default_timezone="Europe/Vienna")
    with app.app_context():
        assert str(fb.get_locale()) == "de"
        assert str(fb.get_timezone()) == "Europe/Vienna"
        assert fb.format_decimal(1234.5) == "1.234,5"


def test_plural_and_context(app):
    with app.test_request_context("/?lang=de"):
        assert fb.ngettext("%(num)d Apple", "%(num)d Apples", 1) == "1 Apfel"
        assert fb.ngettext("%(num)d Apple", "%(num)d Apples", 2) == "2 Äpfel"
        assert fb.pgettext("month", "May") == "Mai"
        assert fb.npgettext("ship", "%(num)d Bow", "%(num)d Bows", 2) == "2 Buge"
        assert fb._("Yes") == "Ja"


def test_lazy(app):
    hello = fb.lazy_gettext("Hello")
    apples = fb.lazy_ngettext("%(num)d Apple", "%(num)d Apples", num=2)
    may = fb.lazy_pgettext("month", "May")
    with app.test_request_context("/?lang=de"):
        assert (str(hello), str(apples), str(may)) == ("Hallo", "2 Äpfel", "Mai")
        assert hello + "!" == "Hallo!" and hello.upper() == "HALLO" and "all" in hello
        assert render_template_string("{{ it }}", it=hello) == "Hallo"
        assert app.json.dumps({"a": str(hello)}) == '{"a": "Hallo"}'
    with app.test_request_context("/"):
        assert str(hello) == "Hello"


def test_force_and_refresh(app):
    with app.test_request_context("/?lang=de"):
        assert str(fb.get_locale()) == "de"
        with fb.force_locale("en_US"):
            assert str(fb.get_locale()) == "en_US"
            assert fb.gettext("Hello") == "Hello"
            fb.refresh()
            assert str(fb.get_locale()) == "en_US"
        assert fb.gettext("Hello") == "Hallo"
        fb.refresh()
        assert str(fb.get_locale()) == "de"


def test_kept_in_g(app):
    with app.test_request_context("/?lang=de"):
        assert "_flask_babel" not in g
        fb.get_locale()
        assert "_flask_babel" in g


def test_list_translations(app):
    with app.app_context():
        found = app.extensions["babel"].instance.list_translations()
    assert sorted(map(str, found)) == ["de", "en"]


def test_domains(app, tmp_path):
    other = fb.Domain(str(tmp_path / "two"), "other")
    with app.test_request_context("/?lang=de"):
        assert other.gettext("Hello") == "Servus"
        assert str(other.lazy_gettext("Hello")) == "Servus"
        assert fb.gettext("Hello") == "Hallo"
        other.as_default()
        assert fb.get_domain() is other
        assert fb.gettext("Hello") == "Servus"
    assert "other" in repr(other)


def test_timezones(app):
    with app.test_request_context("/?zone=Europe/Vienna"):
        assert str(fb.get_timezone()) == "Europe/Vienna"
        assert fb.to_user_timezone(MOMENT).hour == 14
        assert fb.to_utc(dt.datetime(2024, 3, 9, 14, 46)) == MOMENT
        assert fb.format_datetime(MOMENT, "HH:mm") == "14:46"
        assert fb.format_datetime(MOMENT, "HH:mm", rebase=False) == "13:46"


def test_formats(app):
    with app.test_request_context("/?lang=de&zone=UTC"):
        assert fb.format_date(MOMENT, "long") == "9. März 2024"
        assert fb.format_time(MOMENT, "short") == "13:46"
        assert fb.format_timedelta(dt.timedelta(days=3)) == "3 Tage"
        assert fb.format_number(1099) == "1.099"
        assert fb.format_decimal(decimal.Decimal("1.5")) == "1,5"
        assert fb.format_currency(1099.98, "EUR").replace("\xa0", " ") == "1.099,98 €"
        assert fb.format_percent(0.34).replace("\xa0", " ") == "34 %"
        assert fb.format_scientific(10000) == "1E4"


def test_default_formats(app):
    app.extensions["babel"].instance.date_formats["date"] = "long"
    with app.test_request_context("/?lang=de"):
        assert fb.format_date(MOMENT) == "9. März 2024"


def test_templates(app):
    with app.test_request_context("/?lang=de&zone=UTC"):
        render = render_template_string
        assert render("{% trans %}Hello{% endtrans %}") == "Hallo"
        assert render("{% trans name='<x>' %}Hello {{ name }}!{% endtrans %}") == "Hallo &lt;x&gt;!"
        assert render("{{ _('Hello %(name)s!', name='<x>') }}") == "Hallo &lt;x&gt;!"
        assert render("{{ ngettext('%(num)d Apple', '%(num)d Apples', 2) }}") == "2 Äpfel"
        assert render("{{ pgettext('month', 'May') }}") == "Mai"
        plural = "{% trans num=2 %}{{ num }} Apple{% pluralize %}{{ num }} Apples{% endtrans %}"
        assert render(plural) == "2 Äpfel"
        assert render("{{ m|dateformat('long') }}", m=MOMENT) == "9. März 2024"
        assert render("{{ m|datetimeformat('HH:mm') }}", m=MOMENT) == "13:46"
        assert render("{{ m|timeformat('short') }}", m=MOMENT) == "13:46"
        assert render("{{ 1234.5|decimalformat }}") == "1.234,5"
        assert render("{{ 3|currencyformat('EUR') }}").replace("\xa0", " ") == "3,00 €"
        assert render("{{ 0.5|percentformat }}").replace("\xa0", " ") == "50 %"


def test_flash(app):
    @app.get("/flash")
    def say():
        flash(fb.gettext("Hello"))
        return get_flashed_messages()[0]

    assert app.test_client().get("/flash?lang=de").text == "Hallo"


def test_init_app_without_jinja(tmp_path):
    app = Flask(__name__)
    fb.Babel(configure_jinja=False).init_app(app, default_locale="de")
    assert "dateformat" not in app.jinja_env.filters
    with app.app_context():
        assert str(fb.get_babel().default_locale) == "de"
        assert fb.get_babel().instance.default_timezone.zone == "UTC"
        assert fb.get_babel().instance.domain == "messages"


def test_relative_directories(tmp_path):
    write_catalog(tmp_path / "words")
    app = Flask("here", root_path=str(tmp_path))
    fb.Babel(app, default_locale="de", default_translation_directories="words")
    with app.app_context():
        assert fb.gettext("Yes") == "Ja"
