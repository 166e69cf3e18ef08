-- What was logged since the last epoch, and so cannot be anchored or paid for yet? Refused entries say why.
select seq, kind, signer, claimed_at, accepted, reason
from events
where epoch is null
order by seq
