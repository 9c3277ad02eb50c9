"""How often somebody tried to sign in with a password."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0006_without_jit")]

    operations = [
        migrations.CreateModel(
            name="SignInAttempts",
            fields=[
                ("key", models.BinaryField(primary_key=True, serialize=False)),
                ("number", models.IntegerField(default=0)),
                ("since", models.DateTimeField()),
            ],
            options={"db_table": "sign_in_attempts"},
        ),
    ]
