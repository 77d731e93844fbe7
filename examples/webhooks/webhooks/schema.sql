-- One row for each message as it was signed: the same bytes never count twice.
CREATE TABLE IF NOT EXISTS deliveries (
    vendor    TEXT NOT NULL,
    signed    TEXT NOT NULL,
    received  REAL NOT NULL,
    -- From when on its signature is too old by itself; NULL: never.
    expires   REAL,
    PRIMARY KEY (vendor, signed)
) WITHOUT ROWID;

-- One row for each event, however often the vendor had to try.
CREATE TABLE IF NOT EXISTS events (
    vendor    TEXT NOT NULL,
    id        TEXT NOT NULL,
    kind      TEXT NOT NULL,
    received  REAL NOT NULL,
    PRIMARY KEY (vendor, id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS payments (
    id        TEXT PRIMARY KEY,
    amount    INTEGER NOT NULL,
    currency  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS messages (
    id        TEXT PRIMARY KEY,
    sender    TEXT NOT NULL,
    text      TEXT NOT NULL
) WITHOUT ROWID;
