from django.db import migrations

import events.models


class Migration(migrations.Migration):
    """A build notes what made it, without the catalogue's code: of what is there, that is noted after migrating."""

    dependencies = [("projections", "0004_unkeyed")]

    operations = [
        migrations.AddField(
            model_name="checkpoint",
            name="own_fingerprint",
            field=events.models.NameField(
                db_collation="C",
                help_text="without the catalogue's code; null: of a build from before it was noted",
                null=True,
            ),
        ),
    ]
