-- One row: where DNS points the host autodiscover of a name (purpose `autodiscover`), or any unknown name below it
-- (`wildcard`): the addresses and CNAMEs that its resolvers tell, in order. Where both are the same, the host has no record
-- of its own.
SELECT d.name, d.purpose, group_concat(d.value, ', ') AS addresses
FROM (
  SELECT DISTINCT r.name, r.purpose, r.value FROM dns_record AS r
  WHERE r.purpose IN ('autodiscover', 'wildcard') AND r.type IN ('A', 'AAAA', 'CNAME') AND r.resolver <> 'system'
  ORDER BY r.name, r.purpose, r.value
) AS d
GROUP BY d.name, d.purpose
