-- One row: what DNS says of a host of a name (purpose `root` or `autodiscover`), over all resolvers. `state`: found, absent
-- (one resolver at least says clearly that there is no such name or no address, and none finds one), broken (a loop, a
-- target that does not exist, SERVFAIL), unknown (nobody gave an answer that counts). `outcome` is the code behind it.
-- `resolvers_disagree`: some find an address and others deny it.
WITH
-- The system's resolver asked all of them, and came to no end.
undecided AS MATERIALIZED (
  SELECT DISTINCT a.name, a.host FROM dns_answer AS a
  WHERE a.type IN ('A', 'AAAA') AND a.resolver_rank = 0 AND a.outcome IN ('error', 'timeout')
),
told AS MATERIALIZED (
  SELECT
    name, purpose, host, resolver,
    max(outcome = 'answer') AS finds,
    max(outcome IN ('cname_loop', 'dangling_cname')) AS is_broken, max(outcome = 'cname_loop') AS is_loop,
    -- A clear no is one for both kinds of address.
    min(outcome IN ('nodata', 'nxdomain', 'invalid_name')) AS denies,
    max(outcome = 'nxdomain') AS has_no_name,
    max(outcome IN ('nodata', 'nxdomain', 'dangling_cname')) AS denies_some,
    max(outcome = 'servfail') AS servfail, max(outcome = 'refused') AS refused, max(outcome = 'truncated') AS truncated,
    max(outcome IN ('timeout', 'not_asked')) AS timeout, max(outcome = 'no_recursion') AS no_recursion, max(outcome = 'invalid_name') AS invalid_name,
    max(canonical_name) AS canonical_name, max(cname_hops) AS cname_hops, max(detail) AS detail
  FROM dns_answer
  WHERE type IN ('A', 'AAAA') AND resolver_rank > 0 AND purpose IN ('root', 'autodiscover')
  GROUP BY name, purpose, host, resolver
)
SELECT
  t.name, t.purpose, t.host,
  CASE
    WHEN sum(finds) > 0 THEN 'found'
    WHEN sum(is_broken) > 0 THEN 'broken'
    WHEN sum(denies) > 0 THEN iif(max(u.name) IS NULL, 'absent', 'unknown')
    WHEN sum(servfail) > 0 THEN 'broken'
    ELSE 'unknown'
  END AS state,
  CASE
    WHEN sum(finds) > 0 THEN 'answer'
    WHEN sum(is_broken) > 0 THEN CASE WHEN max(is_loop) THEN 'cname_loop' ELSE 'dangling_cname' END
    WHEN sum(denies) > 0 THEN CASE WHEN max(invalid_name) THEN 'invalid_name' WHEN max(denies AND has_no_name) THEN 'nxdomain' ELSE 'nodata' END
    WHEN sum(servfail) > 0 THEN 'servfail'
    WHEN sum(refused) > 0 THEN 'refused'
    WHEN sum(truncated) > 0 THEN 'truncated'
    WHEN sum(no_recursion) > 0 THEN 'no_recursion'
    WHEN sum(timeout) > 0 THEN 'timeout'
    ELSE 'error'
  END AS outcome,
  max(canonical_name) AS canonical_name, max(cname_hops) AS cname_hops, max(detail) AS detail,
  sum(finds) AS answering,
  count(*) AS asked,
  sum(finds) > 0 AND sum(denies_some OR finds) > sum(finds) AS resolvers_disagree
FROM told AS t
LEFT JOIN undecided AS u ON u.name = t.name AND u.host = t.host
GROUP BY t.name, t.purpose, t.host
