-- One row: a domain or alias with the two verdicts. `bm_mapi` (yes, no, unknown): would bm-mapi count it as reachable when
-- it starts; `workstation` (yes, warns, no, unknown): would an Outlook prepared as BlueMind documents, which tries only
-- https://autodiscover.<name> and the plain http redirect, connect without a warning. The methods' states and reasons
-- beside them. What fails from a machine that is not bm-mapi's own may still work from there: `is_elsewhere`.
WITH
place AS MATERIALIZED (
  SELECT EXISTS (
    SELECT 1 FROM network_vantage AS v
    WHERE NOT EXISTS (SELECT 1 FROM server_role AS r WHERE r.server_uid = v.server_uid AND +r.role = 'bm/core')
  ) AS is_elsewhere
),
methods AS MATERIALIZED (
  SELECT
    name,
    max(CASE WHEN method = 'root' THEN client END) AS root,
    max(CASE WHEN method = 'root' THEN reason END) AS root_reason,
    max(CASE WHEN method = 'root' THEN bm_mapi END) AS root_bm_mapi,
    max(CASE WHEN method = 'autodiscover' THEN client END) AS autodiscover,
    max(CASE WHEN method = 'autodiscover' THEN reason END) AS autodiscover_reason,
    max(CASE WHEN method = 'autodiscover' THEN bm_mapi END) AS autodiscover_bm_mapi,
    max(CASE WHEN method = 'redirect' THEN client END) AS redirect,
    max(CASE WHEN method = 'redirect' THEN reason END) AS redirect_reason,
    max(CASE WHEN method = 'srv' THEN client END) AS srv,
    max(CASE WHEN method = 'srv' THEN reason END) AS srv_reason,
    sum(method IN ('root', 'autodiscover') AND bm_mapi = 'yes') AS counted,
    sum(bm_mapi = 'unknown') AS doubtful,
    max(is_mapi_down) AS is_mapi_down
  FROM autodiscover_method GROUP BY name
)
SELECT
  n.name, n.domain_uid, n.is_alias, n.ascii_name, n.unicode_name, n.suffix,
  coalesce(m.root, 'absent') AS root, m.root_reason,
  coalesce(m.autodiscover, 'absent') AS autodiscover, m.autodiscover_reason,
  coalesce(m.redirect, 'absent') AS redirect, m.redirect_reason,
  coalesce(m.srv, 'absent') AS srv, m.srv_reason,
  m.root_bm_mapi, m.autodiscover_bm_mapi,
  CASE
    WHEN n.ascii_name IS NULL THEN 'no'
    WHEN coalesce(m.root_bm_mapi, m.autodiscover_bm_mapi) IS NULL THEN 'unknown'
    WHEN m.counted > 0 THEN 'yes'
    WHEN m.doubtful > 0 OR p.is_elsewhere THEN 'unknown'
    ELSE 'no'
  END AS bm_mapi,
  CASE
    WHEN n.ascii_name IS NULL THEN 'no'
    WHEN coalesce(m.root_bm_mapi, m.autodiscover_bm_mapi) IS NULL THEN 'unknown'
    WHEN m.autodiscover IN ('yes', 'warns', 'unknown') THEN m.autodiscover
    WHEN m.redirect IN ('warns', 'unknown') THEN m.redirect
    ELSE 'no'
  END AS workstation,
  coalesce(m.is_mapi_down, 0) AS is_mapi_down, p.is_elsewhere
FROM autodiscover_name AS n
CROSS JOIN place AS p
LEFT JOIN methods AS m ON m.name = n.name
WHERE n.suffix <> 'technical'
