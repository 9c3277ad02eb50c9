"""Events get a salt, and their digests are salted; an append gets rules, guards and tags.

Whoever knew a digest or a fingerprint could guess a short content from it. So each gets 16 random bytes, and those of
redacted events are forgotten.
"""

from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.lookups
from django.db import migrations, models

import events.models
from events import sql

SALT = "substring(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) from 1 for 16)"
# A table is written anew when it gets a column with a volatile default, and when a column is made from others. So no
# old version of a row keeps an unsalted digest.
CARRY_OVER = """
alter table event disable trigger event_update;
alter table event alter column digest drop not null;
update event e set digest = null from redaction r where r.log_id = e.log_id and r.position = e.position;
alter table event add column salt bytea default <salt>, add column tags text[] collate "C";
alter table event alter column digest type bytea using sha256(salt || digest), alter column salt drop default;
update event set salt = null where digest is null;
alter table event enable always trigger event_update;

drop trigger append_key_change on append_key;
alter table append_key alter column fingerprint drop not null;
update append_key k set fingerprint = null from redaction r
where r.log_id = k.log_id and r.position between k.first_position and k.last_position;
alter table append_key add column salt bytea default <salt>;
alter table append_key
    alter column fingerprint type bytea using sha256(salt || fingerprint), alter column salt drop default;
update append_key set salt = null where fingerprint is null;
""".replace("<salt>", SALT)
GUARDS = """
create trigger append_key_update before update on append_key for each row execute function guard_append_key();
create trigger append_key_delete before delete on append_key for each row execute function refuse_change();
alter table append_key enable always trigger append_key_update;
alter table append_key enable always trigger append_key_delete;

create trigger event_tag_change before update or delete on event_tag for each row execute function refuse_change();
create trigger event_tag_truncate before truncate on event_tag for each statement execute function refuse_change();
alter table event_tag enable always trigger event_tag_change;
alter table event_tag enable always trigger event_tag_truncate;
"""
FUNCTIONS = (
    *("guard_event", "guard_append_key"),
    *("check_conditions", "set_rules_at", "run_guards", "append_events"),
    *("look_up", "redact_event", "restore_events"),
)


class Migration(migrations.Migration):
    dependencies = [("events", "0008_lean_append")]

    operations = [
        migrations.CreateModel(
            name="EventTag",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id", "tag", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.BigIntegerField()),
                ("tag", events.models.NameField(db_collation="C")),
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
            options={"db_table": "event_tag"},
        ),
        migrations.RemoveConstraint(model_name="event", name="event_digest"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(CARRY_OVER),
                # They have other parameters than before.
                migrations.RunSQL("drop function if exists append_events, look_up, redact_event, restore_events"),
                *(migrations.RunSQL(sql.load(name)) for name in FUNCTIONS),
                migrations.RunSQL(GUARDS),
            ],
            state_operations=[
                migrations.AddField(
                    model_name="event",
                    name="salt",
                    field=models.BinaryField(help_text="16 random bytes; null: redacted", null=True),
                ),
                migrations.AddField(
                    model_name="event",
                    name="tags",
                    field=django.contrib.postgres.fields.ArrayField(
                        base_field=events.models.NameField(db_collation="C"), null=True, size=None
                    ),
                ),
                migrations.AlterField(
                    model_name="event",
                    name="digest",
                    field=models.BinaryField(help_text="of the salt and the content; null: redacted", null=True),
                ),
                migrations.AddField(model_name="appendkey", name="salt", field=models.BinaryField(null=True)),
                migrations.AlterField(model_name="appendkey", name="fingerprint", field=models.BinaryField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="redaction",
            name="commitment",
            field=models.BinaryField(help_text="to the texts; null: the event had no salt yet", null=True),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.Exact(models.Func("digest", function="octet_length"), 32),
                    django.db.models.lookups.Exact(models.Func("salt", function="octet_length"), 16),
                ),
                name="event_digest",
            ),
        ),
    ]
