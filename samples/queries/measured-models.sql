-- What was measured on each model, by whom, and does anybody dispute it? Values are exactly as they were signed.
select m.ref, v.metric, v.value, a.label as validator, v.assurance, v.report
from evaluations v
join model_versions m on m.statement_id = v.model
left join agents a on a.contributor_id = v.signer
order by m.seq, v.metric
