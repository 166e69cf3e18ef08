-- Who contributed to a model, through however many datasets and models between?
-- One line per contributor: the datasets, the rows of all passes, and the part of all that counts.
--   mira sql -f samples/queries/contributors-of-a-model.sql      (put your model in place of 'demo-model')
select contributor_label,
       contributor,
       array_to_string(array_agg(distinct dataset order by dataset), ' ') as datasets,
       sum(cast(rows as decimal(38, 0)) * cast(passes as decimal(38, 0)))  as rows_of_all_passes,
       sum(share)                                                         as share
from contribution('demo-model')
where counted
group by contributor_label, contributor
order by share desc nulls last, contributor
