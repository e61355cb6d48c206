-- prism: transaction none
-- What a document's metadata contains ({"source": "import"}), by @>; smaller and faster than the default operator
-- class, which also answers whether a key is there.
CREATE INDEX CONCURRENTLY documents_metadata_idx ON documents USING gin (metadata jsonb_path_ops);
