-- Which models does the last epoch hold, and what has become of them since? For another one, put its number in place.
select m.ref, m.model_id, m.license, m.assurance, m.withdrawn, m.seq
from model_versions m
join epochs e on e.epoch = (select max(epoch) from epochs) and m.seq < e.size
order by m.seq
