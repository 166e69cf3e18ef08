-- Under which terms is what a model was made from? External things have no terms that anybody signed.
-- `mira check` folds these into one answer; this is what it looks at.
select u.kind,
       coalesce(u.ref, u.id) as what,
       u.depth,
       r.license,
       r.train,
       r.commercial,
       r.redistribute,
       r.personal_data
from upstream('demo-model') u
left join rights r on r.statement_id = u.id
where u.kind in ('dataset_version', 'model_version', 'external')
order by u.depth, u.node
