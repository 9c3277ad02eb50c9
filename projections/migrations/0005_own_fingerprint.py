from django.db import migrations

import events.models


class Migration(migrations.Migration):
    """A build stores the fingerprint of its own code, without the catalogue's; existing builds get it after the migration."""

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
