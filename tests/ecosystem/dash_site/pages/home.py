import dash
from dash import html

dash.register_page(__name__, path="/", title="Home", redirect_from=["/start"])
layout = html.Div("the home page")
