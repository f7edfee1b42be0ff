"""Search by an index of words: entries for all that has been said, and FTS5 or GIN over them."""

import django.db.models.deletion
from django.db import NotSupportedError, OperationalError, migrations, models

from chat import words

BATCH = 2_000  # messages

# A word is indexed behind the beginning of its visitor's id. Contentless, and detail=none: it holds which words stand
# in which entry, and nothing else. The tokenizer `ascii` takes every other character as part of a word, as it is.
_LEXEMES = "replace(' ' || {0}words, ' ', ' ' || substr({0}visitor, 1, 8))"
SQLITE = (
    "CREATE VIRTUAL TABLE chat_searchindex USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii')",
    f"INSERT INTO chat_searchindex (rowid, words) SELECT id, {_LEXEMES.format('')} FROM chat_searchentry ORDER BY id",
    f"""
    CREATE TRIGGER chat_searchentry_kept AFTER INSERT ON chat_searchentry BEGIN
        INSERT INTO chat_searchindex (rowid, words) VALUES (new.id, {_LEXEMES.format('new.')});
    END
    """,
    f"""
    CREATE TRIGGER chat_searchentry_dropped AFTER DELETE ON chat_searchentry BEGIN
        INSERT INTO chat_searchindex (chat_searchindex, rowid, words)
            VALUES ('delete', old.id, {_LEXEMES.format('old.')});
    END
    """,
)
NO_SQLITE = (
    "DROP TRIGGER chat_searchentry_kept",
    "DROP TRIGGER chat_searchentry_dropped",
    "DROP TABLE chat_searchindex",
)
POSTGRESQL = (
    "SET CONSTRAINTS ALL IMMEDIATE",  # or the rows just written are in the index's way
    """
    CREATE FUNCTION chat_search_lexemes(words text, visitor uuid) RETURNS tsvector
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN array_to_tsvector(
            string_to_array(substr(replace(' ' || words, ' ', ' ' || left(visitor::text, 8)), 2), ' ')
        )
    """,
    """
    CREATE INDEX chat_searchindex ON chat_searchentry USING gin (chat_search_lexemes(words, visitor))
        WITH (gin_pending_list_limit = 256)
    """,
)
NO_POSTGRESQL = ("DROP INDEX chat_searchindex", "DROP FUNCTION chat_search_lexemes(text, uuid)")


def fill(apps, schema_editor):
    """Write an entry for all that has ended and holds words."""
    entries = apps.get_model("chat", "SearchEntry").objects
    ended = apps.get_model("chat", "Message").objects.exclude(status__in=["queued", "streaming"]).exclude(text="")
    rows = ended.order_by("created_at", "id").values_list("id", "session__visitor_id", "text")
    batch = []
    for message, visitor, text in rows.iterator(BATCH):
        if found := words.indexed(text):
            batch.append(entries.model(message_id=message, visitor=visitor, words=" ".join(found)))
        if len(batch) == BATCH:
            entries.bulk_create(batch)
            batch.clear()
    entries.bulk_create(batch)


def make(apps, schema_editor):
    """Make the index out of the entries."""
    if schema_editor.connection.vendor == "sqlite":
        require_fts5(schema_editor)
        run(schema_editor, SQLITE)
    else:
        run(schema_editor, POSTGRESQL)


def unmake(apps, schema_editor):
    """Drop the index; the entries go with their table."""
    run(schema_editor, NO_SQLITE if schema_editor.connection.vendor == "sqlite" else NO_POSTGRESQL)


def require_fts5(schema_editor):
    """Raise NotSupportedError where SQLite was built without FTS5."""
    try:
        schema_editor.execute("CREATE VIRTUAL TABLE temp.chat_fts5 USING fts5(words)", params=None)
    except OperationalError as error:
        raise NotSupportedError(
            "The SQLite of this Python was built without FTS5, which the search needs. "
            "Use another Python, or PostgreSQL by DATABASE_URL."
        ) from error
    schema_editor.execute("DROP TABLE temp.chat_fts5", params=None)


def run(schema_editor, statements):
    """Run each as it stands, without parameters."""
    for statement in statements:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("chat", "0003_indexes_that_are_used")]

    operations = [
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("visitor", models.UUIDField()),
                ("words", models.TextField()),
                (
                    "message",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="chat.message"
                    ),
                ),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(make, unmake),
    ]
