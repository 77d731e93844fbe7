"""A bank on PostgreSQL, written with each of the libraries that Erlen's users know.

Every module is a whole application with the same routes: `BANK_URL` names its database, and with
`BANK_GATE` a transfer stops between its two writes until a file of that folder lets it go on.
No pool gives more than five connections.
"""
