-- Whose datasets were used most, directly? Uses by runs and evaluations, and the rows of all passes.
-- For what reached a model through others, ask contribution('MODEL').
select a.label,
       v.owner                     as contributor,
       count(distinct v.node)      as datasets,
       count(distinct e.dst)       as used_by,
       sum(cast(e.rows_used as decimal(38, 0)) * cast(e.passes as decimal(38, 0))) as rows_of_all_passes
from edges e
join dataset_versions v on v.node = e.src
left join agents a on a.contributor_id = v.owner
where e.rel = 'input'
group by a.label, v.owner
order by rows_of_all_passes desc nulls last, contributor
