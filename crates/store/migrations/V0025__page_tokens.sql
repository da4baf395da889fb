-- What signs the tokens between the pages of a list, the same for all replicas: the position in a token is put into a
-- statement, so it must be one that we gave.
CREATE TABLE secrets (
    one_row     boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    page_tokens bytea NOT NULL CHECK (octet_length(page_tokens) = 32)
);
INSERT INTO secrets (page_tokens) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
