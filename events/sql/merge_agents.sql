-- The agents of a workflow, twenty at most: those that are listed, and new ones. A list shows a few; a row that went on
-- growing would make each update of a long workflow dearer.
create or replace function merge_agents(p_listed text[], p_new text[]) returns text[]
language sql immutable
as $$
    select case when p_listed @> p_new or cardinality(p_listed) >= 20 then p_listed
                else (array(select distinct unnest(p_listed || p_new) collate "C" order by 1))[:20] end
$$;
