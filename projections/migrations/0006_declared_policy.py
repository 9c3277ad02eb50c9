from django.db import migrations

import events.models


class Migration(migrations.Migration):
    """A projection declares its policy. What is there keeps the policy that it has, as an operator's choice."""

    dependencies = [("projections", "0005_own_fingerprint")]

    operations = [
        migrations.AlterField(
            model_name="checkpoint",
            name="policy",
            field=events.models.NameField(
                choices=[("stop", "Stop"), ("park", "Park"), ("skip", "Skip")],
                db_collation="C",
                help_text="that an operator chose for the log; null: the declared one",
                null=True,
            ),
        ),
    ]
