"""In PostgreSQL, a visitor's newest entries by an index: SQLite's own gives them in that order."""

from django.db import migrations


def make(apps, schema_editor):
    """Make it."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE INDEX chat_searchnewest ON chat_searchentry (visitor, id)")


def unmake(apps, schema_editor):
    """Drop it."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX chat_searchnewest")


class Migration(migrations.Migration):
    dependencies = [("chat", "0005_indexes_of_lists")]

    operations = [migrations.RunPython(make, unmake)]
