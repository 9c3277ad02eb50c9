"""The place of a subscription, which moves with each take, has a row that is found at once beside an old snapshot."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

MOVE = """
    insert into subscription_place (log_id, subscription_id, read_to, lowest, without_key)
    select log_id, id, read_to, lowest, without_key from subscription"""


class Migration(migrations.Migration):
    dependencies = [("events", "0034_refused_appends")]

    operations = [
        migrations.CreateModel(
            name="SubscriptionPlace",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id",
                        "subscription_id",
                        "turn",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("subscription_id", models.IntegerField()),
                ("turn", models.BigIntegerField(db_default=0)),
                ("read_to", models.BigIntegerField(help_text="every event up to here is settled, or has a row")),
                ("lowest", models.BigIntegerField(db_default=0, help_text="no event up to here has a row in delivery")),
                (
                    "due_from",
                    models.DateTimeField(
                        help_text="no delivery in flight has an earlier deadline; null: nothing is known", null=True
                    ),
                ),
                (
                    "without_key",
                    models.BigIntegerField(db_default=0, help_text="events read since its last rewind that had no key"),
                ),
                (
                    "log",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="events.log",
                    ),
                ),
            ],
            options={"db_table": "subscription_place"},
        ),
        migrations.RunSQL(MOVE),
        *(
            migrations.RemoveField(model_name="subscription", name=name)
            for name in ("read_to", "lowest", "without_key")
        ),
    ]
