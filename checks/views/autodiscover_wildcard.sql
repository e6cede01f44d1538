-- One row: an address that every unknown name under a domain has.
SELECT DISTINCT r.name, r.value AS address
FROM dns_record AS r
WHERE r.purpose = 'wildcard' AND r.type IN ('A', 'AAAA')
