-- What is told of a delivery of subscription `p_of` that has no row in `p_subscription`: it is settled, unless a rewind or the end of
-- its subscription made it void.
create or replace function verdict_without_row(p_log int, p_subscription int, p_of int, p_generation int) returns text
language sql stable as $$
    select case when s.id is null or s.generation > p_generation then 'expired'
                when p_of <> p_subscription then 'not-yours'
                else 'already-settled' end
    from (select) nothing left join subscription s on s.log_id = p_log and s.id = p_of
$$;
