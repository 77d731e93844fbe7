import dash
from dash import html

dash.register_page(
    __name__, path_template="/plants/<kind>/<number>", title=lambda kind="", **_: kind
)


def layout(kind=None, number=None, **query):
    return html.Div([kind, number, sorted(query.items())])
