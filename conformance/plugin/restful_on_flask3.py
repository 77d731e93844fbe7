"""A pytest plugin: lets Flask-RESTful's tests, written for Flask 2, be imported on Flask 3.

They ask `flask.signals` whether signals are available. Flask 3 has dropped the name, as they
always are; without it a third of the suite would run on neither side.
"""

import flask.signals

flask.signals.signals_available = True
