-- One row: the SRV records of a name. `state`: absent, unknown, or found; `problem`: what keeps clients from using them
-- (null when nothing does); `is_undecided`: no target has an address, and of one at least nobody denies it; `targets`,
-- `ports`: as published.
WITH
asked AS MATERIALIZED (
  SELECT
    name,
    CASE
      WHEN sum(outcome = 'answer') > 0 THEN 'found'
      WHEN sum(outcome IN ('nxdomain', 'nodata')) > 0 THEN 'absent'
      ELSE 'unknown'
    END AS state,
    max(cname_hops) AS cname_hops, min(outcome) AS outcome
  FROM dns_answer WHERE purpose = 'srv' AND type = 'SRV' GROUP BY name
),
published AS MATERIALIZED (
  SELECT
    r.name, count(DISTINCT r.value || ':' || r.port) AS records, count(DISTINCT r.value) AS hosts,
    group_concat(DISTINCT r.value) AS targets, group_concat(DISTINCT r.port) AS ports, min(r.value) AS target,
    min(r.value = '.') AS is_refused, max(r.port <> 443) AS has_other_port
  FROM dns_record AS r WHERE r.purpose = 'srv' AND r.type = 'SRV' GROUP BY r.name
),
targets AS MATERIALIZED (
  SELECT
    name, max(cname_hops > 0) AS is_alias,
    max(found) AS any_found, min(denied) AS all_denied
  FROM (
    SELECT
      name, host, max(cname_hops) AS cname_hops, max(outcome = 'answer') AS found,
      max(outcome IN ('nodata', 'nxdomain', 'dangling_cname', 'cname_loop', 'invalid_name')) AS denied
    FROM dns_answer WHERE purpose = 'srv_target' AND resolver_rank > 0 GROUP BY name, host
  )
  GROUP BY name
)
SELECT
  a.name, a.state, a.outcome, a.cname_hops, p.records, p.hosts, p.targets, p.ports, p.target,
  CASE
    WHEN a.state <> 'found' THEN NULL
    WHEN p.is_refused THEN 'srv_not_offered'
    WHEN NOT coalesce(t.any_found, 0) THEN 'srv_unresolvable'
    WHEN p.has_other_port THEN 'srv_port'
    WHEN t.is_alias THEN 'srv_alias'
    WHEN p.records > 1 THEN 'srv_multiple'
  END AS problem,
  coalesce(a.state = 'found' AND NOT p.is_refused AND NOT t.any_found AND NOT t.all_denied, 0) AS is_undecided
FROM asked AS a
LEFT JOIN published AS p ON p.name = a.name
LEFT JOIN targets AS t ON t.name = a.name
