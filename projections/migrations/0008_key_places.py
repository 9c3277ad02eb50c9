import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import events.models

# What `counts` counts, indexes of the log lead to: nothing of it is noted any more.
_CARRY_OVER = """
    insert into key_places (log_id, projection, build, key, position, positions)
    select log_id, projection, build, key, min(position), array_agg(position order by n)
    from projection_event where projection <> 'counts'
    group by log_id, projection, build, key, (n - 1) / 128
    having count(*) = 128;
    update projection_state as state set places = coalesce(rest.places, '{}')
    from (
        select log_id, projection, build, key,
            array_agg(position order by n) filter (where (n - 1) / 128 = whole / 128) as places
        from (select *, count(*) over (partition by log_id, projection, build, key) as whole from projection_event) as e
        where projection <> 'counts' group by log_id, projection, build, key
    ) as rest
    where (state.log_id, state.projection, state.build, state.key)
        = (rest.log_id, rest.projection, rest.build, rest.key);
    delete from snapshot where projection = 'counts' and kind = 'kept'"""
_CARRY_BACK = """
    insert into projection_event (log_id, projection, build, key, n, position)
    select log_id, projection, build, key, row_number() over (partition by log_id, projection, build, key order by place),
        place
    from (
        select log_id, projection, build, key, unnest(positions) as place from key_places
        union all select log_id, projection, build, key, unnest(places) from projection_state
    ) as noted"""
# It counted positions that are no longer stored, so it is built anew.
_BUILD_COUNTS_ANEW = "update checkpoint set is_live = false, status = 'retired' where projection = 'counts'"


class Migration(migrations.Migration):
    """The positions of a key's events are stored in rows of 128, and only for keys that no index of the log serves."""

    dependencies = [("projections", "0007_fair_jobs")]

    operations = [
        migrations.CreateModel(
            name="KeyPlaces",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "log_id",
                        "projection",
                        "build",
                        "key",
                        "position",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("build", models.IntegerField()),
                ("position", models.BigIntegerField(help_text="the first of them")),
                ("projection", events.models.NameField(db_collation="C")),
                ("key", events.models.NameField(db_collation="C")),
                (
                    "positions",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
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
            options={"db_table": "key_places"},
        ),
        migrations.AddField(
            model_name="projectionstate",
            name="places",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                help_text="of its events after those of `KeyPlaces`; null: not noted",
                null=True,
                size=None,
            ),
        ),
        migrations.RunSQL(_CARRY_OVER, [_CARRY_BACK, _BUILD_COUNTS_ANEW]),
        migrations.DeleteModel(name="ProjectionEvent"),
    ]
