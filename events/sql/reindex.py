"""The statements that measure the indexes of the log, and make them anew while appends go on."""

from __future__ import annotations

_TABLES = "'event', 'event_tag', 'stream', 'workflow', 'append_key'"
INDEXES = f"""
select table_class.relname, index_class.relname, pg_relation_size(index_class.oid), index_class.reltuples,
    'using ' || split_part(pg_get_indexdef(index_class.oid), ' USING ', 2)
from pg_index join pg_class as index_class on index_class.oid = indexrelid
join pg_class as table_class on table_class.oid = indrelid
where table_class.relname in ({_TABLES}) and table_class.relnamespace = current_schema()::regnamespace and indisvalid
order by table_class.relname, index_class.relname"""
# The newest pages of a table are a fair sample: events of one time have names in common, and so share keys.
SAMPLE = """
create temporary table sample on commit drop as
select * from {table}
where ctid >= format('(%%s,0)', greatest(pg_relation_size('{table}') / 8192 - %(pages)s, 0))::tid"""
INDEX_SAMPLE = "create index sample_index on sample {definition}"
MEASURE_SAMPLE = "select pg_relation_size(oid), reltuples from pg_class where oid = 'sample_index'::regclass"
DROP_SAMPLE_INDEX = "drop index sample_index"
SIZE = "select pg_relation_size(%(index)s::regclass)"
REINDEX = "reindex index concurrently {index}"
# REINDEX CONCURRENTLY leaves these behind when it is interrupted. No read uses them, but each append writes to them.
LEFT_BEHIND = f"""
select relname from pg_index join pg_class on oid = indexrelid
where indrelid in (select oid from pg_class where relname in ({_TABLES}) and relkind = 'r')
    and not indisvalid and relname ~ '_cc(new|old)[0-9]*$' order by relname"""
DROP = "drop index concurrently if exists {index}"
LOCK = "select pg_try_advisory_lock(%(key)s)"
UNLOCK = "select pg_advisory_unlock(%(key)s)"
