from django.db import migrations


class Migration(migrations.Migration):
    """It replaced functions that a later migration replaces again."""

    dependencies = [("events", "0005_append_one")]
    operations = []
