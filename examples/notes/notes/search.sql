-- The full-text index. It keeps no text of its own; triggers keep it in step with the notes.

CREATE VIRTUAL TABLE IF NOT EXISTS note_index USING fts5 (
    title, body, content = 'note', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER IF NOT EXISTS note_added AFTER INSERT ON note BEGIN
    INSERT INTO note_index (rowid, title, body) VALUES (new.id, new.title, new.body);
END;

CREATE TRIGGER IF NOT EXISTS note_removed AFTER DELETE ON note BEGIN
    INSERT INTO note_index (note_index, rowid, title, body)
    VALUES ('delete', old.id, old.title, old.body);
END;

CREATE TRIGGER IF NOT EXISTS note_changed AFTER UPDATE ON note BEGIN
    INSERT INTO note_index (note_index, rowid, title, body)
    VALUES ('delete', old.id, old.title, old.body);
    INSERT INTO note_index (rowid, title, body) VALUES (new.id, new.title, new.body);
END;

INSERT INTO note_index (note_index) VALUES ('rebuild');
