-- One row: a host that autodiscover needs and that DNS does not answer for, by who can repair it (`part`: `name`, its CNAME
-- records lead nowhere; `zone`, its servers fail or stay silent; `resolver`, it refuses or garbles). `reason`: the worst code;
-- `answers`: what each resolver said; `first_resolver`: whom to ask again. A resolver that answers nothing at all is none of it.
WITH
silent AS MATERIALIZED (
  SELECT resolver FROM dns_answer WHERE resolver_rank > 0
  GROUP BY resolver HAVING sum(outcome NOT IN ('timeout', 'not_asked')) = 0
),
-- Where others find an address, a CNAME that leads nowhere is a disagreement: autodiscover_dns_inconsistent.
disputed AS MATERIALIZED (SELECT host FROM autodiscover_host WHERE resolvers_disagree GROUP BY host),
failed AS MATERIALIZED (
  SELECT
    a.host, a.purpose, a.type, a.resolver, a.outcome, a.canonical_name, n.is_alias AND n.suffix = 'internal' AS is_internal_alias,
    a.resolver || ' ' || a.type || ' ' || a.outcome || coalesce(': ' || a.detail, '') AS answer,
    CASE
      WHEN a.outcome IN ('cname_loop', 'dangling_cname') THEN 'name'
      WHEN a.outcome IN ('servfail', 'timeout') THEN 'zone'
      WHEN a.outcome IN ('refused', 'truncated', 'no_recursion', 'error') THEN 'resolver'
    END AS part
  FROM dns_answer AS a
  JOIN autodiscover_name AS n ON n.name = a.name
  LEFT JOIN silent AS s ON s.resolver = a.resolver
  LEFT JOIN disputed AS d ON d.host = a.host AND a.outcome = 'dangling_cname'
  WHERE a.resolver_rank > 0 AND a.purpose IN ('root', 'autodiscover', 'srv') AND s.resolver IS NULL AND d.host IS NULL
),
told AS MATERIALIZED (
  SELECT t.host, t.part, group_concat(t.answer, ', ' ORDER BY t.answer) AS answers
  FROM (SELECT DISTINCT f.host, f.part, f.answer FROM failed AS f) AS t GROUP BY t.host, t.part
)
SELECT
  f.host, f.part, min(f.type) AS type, min(f.purpose) AS purpose, max(f.canonical_name) AS target,
  CASE
    WHEN sum(f.outcome = 'cname_loop') > 0 THEN 'cname_loop'
    WHEN sum(f.outcome = 'dangling_cname') > 0 THEN 'dangling_cname'
    WHEN sum(f.outcome = 'servfail') > 0 THEN 'servfail'
    WHEN sum(f.outcome = 'timeout') > 0 THEN 'timeout'
    WHEN sum(f.outcome = 'refused') > 0 THEN 'refused'
    WHEN sum(f.outcome = 'truncated') > 0 THEN 'truncated'
    WHEN sum(f.outcome = 'no_recursion') > 0 THEN 'no_recursion'
    ELSE 'error'
  END AS reason,
  max(t.answers) AS answers, count(DISTINCT f.resolver) AS failing,
  (SELECT count(DISTINCT a.resolver) FROM dns_answer AS a WHERE a.resolver_rank > 0) AS asked,
  -- Without its port and its brackets.
  replace(replace(rtrim(rtrim(min(f.resolver), '0123456789'), ':'), '[', ''), ']', '') AS first_resolver,
  -- Nobody outside looks up an alias that no public DNS can have.
  min(f.is_internal_alias) AS is_internal_alias
FROM failed AS f
JOIN told AS t ON t.host = f.host AND t.part = f.part
GROUP BY f.host, f.part
