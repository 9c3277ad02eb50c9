-- A dead letter in which there is nothing left to decide needs no key. If its key is a value of data that was redacted, it goes.
create or replace function forget_redacted_key() returns trigger language plpgsql as $$
begin
    if exists (
        select from subscription s
        where s.log_id = new.log_id and s.id = new.subscription_id and starts_with(s.order_by, '/')
    ) and exists (select from redaction r where r.log_id = new.log_id and r.position = new.position) then
        new.key := null;
    end if;
    return new;
end $$;

create or replace trigger dead_letter_change before update on dead_letter for each row
when (new.state in ('skipped', 'done', 'closed') and new.key is not null) execute function forget_redacted_key();
