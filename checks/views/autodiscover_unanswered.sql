-- One row: a name of which DNS tells nothing, because every resolver stays silent.
SELECT DISTINCT a.name
FROM dns_answer AS a
WHERE a.resolver_rank > 0 AND a.purpose <> 'public'
  AND NOT EXISTS (SELECT 1 FROM dns_answer AS b WHERE b.resolver_rank > 0 AND b.outcome NOT IN ('timeout', 'not_asked'))
