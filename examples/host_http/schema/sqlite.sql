-- What happened: append-only, and all that anything else here is made from. The order of rowid is the order of
-- commits.
CREATE TABLE IF NOT EXISTS records (
    place  INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    key    TEXT,
    review TEXT,
    event  TEXT    NOT NULL,
    bytes  BLOB    NOT NULL,
    UNIQUE (stream, seq),
    UNIQUE (key)
);
CREATE INDEX IF NOT EXISTS records_review ON records (review) WHERE review IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_event ON records (event)
    WHERE event IN ('emergency.owed', 'emergency.settled');

-- What opens personal values: apart from the records, so that it can be deleted.
CREATE TABLE IF NOT EXISTS openings (
    stream TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    path   TEXT    NOT NULL,
    line   BLOB    NOT NULL,
    PRIMARY KEY (stream, seq, path)
);

-- Read model: where each review stands. Rebuilt from the records at any time.
CREATE TABLE IF NOT EXISTS reviews (
    review TEXT PRIMARY KEY,
    state  TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS reviews_state ON reviews (state);

-- Rows of the wire that never change, such as filed access requests, and what may name one only once.
CREATE TABLE IF NOT EXISTS documents (
    kind  TEXT NOT NULL,
    id    TEXT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE TABLE IF NOT EXISTS document_keys (
    key   TEXT PRIMARY KEY,
    kind  TEXT NOT NULL,
    id    TEXT NOT NULL
);
