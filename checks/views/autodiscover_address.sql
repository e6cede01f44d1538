-- One row: an address of a host that was asked for, with who sees it. `is_system`: this machine connects to it, as its
-- hosts file, getaddrinfo or else its first resolver that answers tells; bm-mapi asks from here. `is_dns`: a resolver
-- tells it, so that a workstation may connect to it; `resolvers` of the `asked` ones do. `is_own`: whoever connects to it
-- finds itself.
WITH
conclusive AS MATERIALIZED (
  SELECT name, host, min(resolver_rank) AS rank
  FROM dns_answer
  WHERE type IN ('A', 'AAAA') AND outcome IN ('answer', 'nodata', 'nxdomain', 'dangling_cname', 'cname_loop')
  GROUP BY name, host
),
asked AS MATERIALIZED (
  SELECT name, host, count(DISTINCT resolver) AS resolvers FROM dns_answer
  WHERE type IN ('A', 'AAAA') AND resolver_rank > 0 AND outcome <> 'not_asked' GROUP BY name, host
)
SELECT
  r.name, r.host, r.value AS address,
  max(a.resolver_rank = c.rank) AS is_system,
  max(a.resolver_rank > 0) AS is_dns,
  count(DISTINCT CASE WHEN a.resolver_rank > 0 THEN a.resolver END) AS resolvers,
  max(coalesce(k.resolvers, 0)) AS asked,
  leads_home(r.value) AS is_own
FROM dns_record AS r
JOIN dns_answer AS a
  ON a.name = r.name AND a.host = r.host AND a.resolver = r.resolver AND a.purpose = r.purpose AND a.type = r.type
LEFT JOIN conclusive AS c ON c.name = r.name AND c.host = r.host
LEFT JOIN asked AS k ON k.name = r.name AND k.host = r.host
WHERE r.type IN ('A', 'AAAA')
GROUP BY r.name, r.host, r.value
