-- A practice sees which programs it has.

create index fact_client on fact (subject) where kind = 18;
