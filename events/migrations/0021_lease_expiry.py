"""An index of the leases that have not run out."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0020_subscriptions")]

    operations = [
        migrations.AddIndex("lease", models.Index(fields=["log", "expires_at"], name="lease_expiry")),
    ]
