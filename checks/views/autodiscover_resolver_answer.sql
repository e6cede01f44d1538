-- One row: a host that autodiscover needs (purpose `root` or `autodiscover`), and who says what of it: `finding`, the
-- resolvers that have an address, with it; `denying`, those that say there is none, with the code; `system_addresses`, what
-- this machine alone takes, from its hosts file or another source than DNS; `own_addresses`, what DNS gives for autodiscover.
-- and leads whoever asks to himself. Without any answer that counts there is no row.
WITH
said AS MATERIALIZED (
  SELECT
    a.host, a.resolver, a.resolver_rank, max(a.outcome = 'answer') AS finds,
    min(CASE WHEN a.outcome IN ('nodata', 'nxdomain', 'dangling_cname', 'cname_loop') THEN a.outcome END) AS denial
  FROM dns_answer AS a
  WHERE a.type IN ('A', 'AAAA') AND a.purpose IN ('root', 'autodiscover') AND a.resolver_rank > 0
  GROUP BY a.host, a.resolver, a.resolver_rank
),
found AS MATERIALIZED (
  SELECT f.host, f.resolver, group_concat(f.value, ', ' ORDER BY f.value) AS addresses
  FROM (
    SELECT DISTINCT r.host, r.resolver, r.value FROM dns_record AS r
    WHERE r.type IN ('A', 'AAAA') AND r.purpose IN ('root', 'autodiscover')
  ) AS f
  GROUP BY f.host, f.resolver
),
told AS MATERIALIZED (
  SELECT
    s.host,
    group_concat(CASE WHEN s.finds THEN s.resolver || coalesce(' (' || f.addresses || ')', '') END, ', ' ORDER BY s.resolver_rank) AS finding,
    group_concat(CASE WHEN NOT s.finds THEN s.resolver || ' (' || s.denial || ')' END, ', ' ORDER BY s.resolver_rank) AS denying
  FROM said AS s
  LEFT JOIN found AS f ON f.host = s.host AND f.resolver = s.resolver
  GROUP BY s.host
),
seen AS MATERIALIZED (
  SELECT
    d.host,
    group_concat(CASE WHEN d.is_system AND NOT d.is_dns THEN d.address END, ', ' ORDER BY d.address) AS system_addresses,
    group_concat(CASE WHEN d.is_dns AND d.is_own AND d.is_autodiscover THEN d.address END, ', ' ORDER BY d.address) AS own_addresses
  FROM (
    SELECT a.host, a.address, max(a.is_system) AS is_system, max(a.is_dns) AS is_dns, max(a.is_own) AS is_own,
           max(h.purpose = 'autodiscover') AS is_autodiscover
    FROM autodiscover_address AS a
    JOIN autodiscover_host AS h ON h.name = a.name AND h.host = a.host
    GROUP BY a.host, a.address
  ) AS d
  GROUP BY d.host
)
SELECT
  h.host, min(h.name) AS name, min(h.purpose) AS purpose, max(h.resolvers_disagree) AS resolvers_disagree,
  max(h.state = 'found') AS is_found, max(t.finding) AS finding, max(t.denying) AS denying,
  max(s.system_addresses) AS system_addresses, max(s.own_addresses) AS own_addresses
FROM autodiscover_host AS h
JOIN told AS t ON t.host = h.host AND coalesce(t.finding, t.denying) IS NOT NULL
LEFT JOIN seen AS s ON s.host = h.host
GROUP BY h.host
