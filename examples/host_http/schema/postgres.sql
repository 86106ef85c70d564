-- What happened: append-only, and all that anything else here is made from. One number of `place` is one
-- insert; of one review it is the order in which its records came to be, whichever stream holds them.
CREATE SEQUENCE IF NOT EXISTS places;
CREATE TABLE IF NOT EXISTS records (
    stream text   NOT NULL,
    seq    bigint NOT NULL,
    key    text,
    review text,
    event  text   NOT NULL,
    place  bigint NOT NULL,
    bytes  bytea  NOT NULL,
    PRIMARY KEY (stream, seq),
    UNIQUE (key)
);
CREATE INDEX IF NOT EXISTS records_review ON records (review, place) WHERE review IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_event ON records (event, place)
    WHERE event IN ('emergency.owed', 'emergency.settled');

-- What opens personal values: apart from the records, so that it can be deleted.
CREATE TABLE IF NOT EXISTS openings (
    stream text   NOT NULL,
    seq    bigint NOT NULL,
    path   text   NOT NULL,
    line   bytea  NOT NULL,
    PRIMARY KEY (stream, seq, path)
);

-- Read model: where each review stands. Rebuilt from the records at any time.
CREATE TABLE IF NOT EXISTS reviews (
    review text PRIMARY KEY,
    state  text NOT NULL
);
CREATE INDEX IF NOT EXISTS reviews_state ON reviews (state);

-- Rows of the wire that never change, such as filed access requests, and what may name one only once.
CREATE TABLE IF NOT EXISTS documents (
    kind  text  NOT NULL,
    id    text  NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE TABLE IF NOT EXISTS document_keys (
    key  text PRIMARY KEY,
    kind text NOT NULL,
    id   text NOT NULL
);
