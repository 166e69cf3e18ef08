-- What stands on something that was withdrawn, or may be? Each thing that was made from it, and where that is served now.
--   mira sql -f samples/queries/impact-of-a-withdrawal.sql      (put your dataset in place of 'weather')
select d.kind,
       coalesce(d.ref, d.id) as what,
       d.depth               as steps_away,
       p.state               as deployment_state,
       p.uri                 as served_at
from downstream('weather') d
left join deployments p on p.node = d.node and p.latest
where d.kind in ('dataset_version', 'model_version', 'deployment')
order by d.depth, d.node
