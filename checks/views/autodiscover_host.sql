-- One row: what DNS says of a host of a name (purpose `root` or `autodiscover`), over all resolvers. `state`: found, absent
-- (no such name or no address), broken (a loop, a target that does not exist, SERVFAIL), unknown (nobody gave an answer
-- that counts). `outcome` is the code behind it. `resolvers_disagree`: some find an address and others deny it.
SELECT
  name, purpose, host,
  CASE
    WHEN sum(outcome = 'answer') > 0 THEN 'found'
    WHEN sum(outcome IN ('cname_loop', 'dangling_cname', 'servfail')) > 0 THEN 'broken'
    WHEN sum(outcome IN ('refused', 'error', 'timeout', 'truncated', 'not_asked')) > 0 THEN 'unknown'
    ELSE 'absent'
  END AS state,
  CASE
    WHEN sum(outcome = 'answer') > 0 THEN 'answer'
    WHEN sum(outcome = 'cname_loop') > 0 THEN 'cname_loop'
    WHEN sum(outcome = 'dangling_cname') > 0 THEN 'dangling_cname'
    WHEN sum(outcome = 'servfail') > 0 THEN 'servfail'
    WHEN sum(outcome = 'refused') > 0 THEN 'refused'
    WHEN sum(outcome = 'truncated') > 0 THEN 'truncated'
    WHEN sum(outcome IN ('timeout', 'not_asked')) > 0 THEN 'timeout'
    WHEN sum(outcome = 'error') > 0 THEN 'error'
    WHEN sum(outcome = 'invalid_name') > 0 THEN 'invalid_name'
    WHEN sum(outcome = 'nxdomain') > 0 THEN 'nxdomain'
    ELSE 'nodata'
  END AS outcome,
  max(canonical_name) AS canonical_name, max(cname_hops) AS cname_hops, max(detail) AS detail,
  count(DISTINCT CASE WHEN outcome = 'answer' THEN resolver END) AS answering,
  count(DISTINCT resolver) AS asked,
  count(DISTINCT CASE WHEN outcome = 'answer' THEN resolver END) > 0
    AND count(DISTINCT CASE WHEN outcome IN ('answer', 'nxdomain', 'nodata', 'dangling_cname') THEN resolver END)
      > count(DISTINCT CASE WHEN outcome = 'answer' THEN resolver END) AS resolvers_disagree
FROM dns_answer
WHERE type IN ('A', 'AAAA') AND resolver_rank > 0 AND purpose IN ('root', 'autodiscover')
GROUP BY name, purpose, host
