-- One row: a URL of the installation and what is asked for there (`method`: web, emsmdb, nspi, activesync). `state` (yes, warns,
-- no, unknown): whether it works at all addresses of the host, at some, or at none; `reason`: the code of what is in the way,
-- `not_passed_on`: a page in place of the service. `is_silent`: nothing there speaks https.
WITH
said AS MATERIALIZED (
  SELECT a.name, a.resolver, max(a.outcome = 'answer') AS finds,
         min(a.outcome IN ('nodata', 'nxdomain', 'invalid_name')) AS denies, max(a.outcome = 'nxdomain') AS has_no_name,
         max(a.outcome IN ('dangling_cname', 'cname_loop', 'servfail')) AS is_broken, min(nullif(a.outcome, 'answer')) AS outcome
  FROM dns_answer AS a
  WHERE a.purpose = 'public' AND a.resolver_rank > 0
  GROUP BY a.name, a.resolver
),
dns AS MATERIALIZED (
  SELECT s.name,
         CASE WHEN sum(s.finds) > 0 THEN 'found' WHEN sum(s.is_broken) > 0 THEN 'broken' WHEN sum(s.denies) > 0 THEN 'absent' ELSE 'unknown' END AS state,
         CASE WHEN sum(s.has_no_name) > 0 THEN 'nxdomain' ELSE min(s.outcome) END AS outcome
  FROM said AS s GROUP BY s.name
),
asked AS MATERIALIZED (
  SELECT
    a.name, a.method, a.address, a.status, a.identity, a.detail, a.last_url, a.result,
    CASE
      WHEN a.outcome <> 'answer' OR a.result IN ('client_certificate', 'weak_key') THEN
        CASE WHEN a.client = 'unknown' OR a.result IN ('not_asked', 'no_common_algorithm') THEN 'unknown' ELSE 'no' END
      WHEN a.result IN ('intercepted', 'rate_limited', 'core_not_running', 'other_bluemind') THEN 'unknown'
      WHEN a.method = 'web' THEN
        CASE
          WHEN a.kind = 'bluemind_page' OR a.in_log = 'yes' AND a.status < 400 THEN 'yes'
          WHEN a.kind IN ('exchange', 'office365') OR a.status IN (403, 404) OR a.status >= 500 AND a.status <> 503 THEN 'no'
          ELSE 'unknown'
        END
      WHEN a.result = 'bluemind' THEN 'yes'
      WHEN a.status = 502 AND (a.kind = 'bluemind_error_page' OR a.in_log = 'yes') THEN 'no'
      WHEN a.kind IN ('html', 'bluemind_page', 'redirect', 'exchange', 'office365') OR a.status IN (403, 404) THEN 'no'
      ELSE 'unknown'
    END AS state,
    CASE
      WHEN a.outcome <> 'answer' OR a.result IN ('client_certificate', 'weak_key', 'intercepted', 'rate_limited', 'core_not_running', 'other_bluemind')
        OR a.kind IN ('exchange', 'office365')
        THEN a.result
      WHEN a.method <> 'web' AND a.status = 502 AND (a.kind = 'bluemind_error_page' OR a.in_log = 'yes') THEN iif(a.method = 'activesync', 'eas_down', 'mapi_down')
      WHEN a.method <> 'web' AND (a.kind IN ('html', 'bluemind_page', 'redirect') OR a.status IN (403, 404)) THEN 'not_passed_on'
      WHEN a.result = 'html_page' THEN 'other'
      ELSE a.result
    END AS reason,
    a.outcome <> 'answer' AS is_silent
  FROM probe_answer AS a
  WHERE a.method IN ('web', 'emsmdb', 'nspi', 'activesync')
),
methods(method) AS (VALUES ('web'), ('emsmdb'), ('nspi'), ('activesync'))
SELECT
  u.url, u.host, u.port, u.is_main, u.is_internal, m.method, coalesce(d.state, 'unknown') AS dns, d.outcome AS dns_outcome,
  CASE
    WHEN d.state IN ('absent', 'broken') THEN 'no'
    WHEN count(a.name) = 0 OR sum(a.state = 'unknown') > 0 AND sum(a.state = 'no') = 0 THEN 'unknown'
    WHEN sum(a.state = 'no') = 0 THEN 'yes'
    WHEN sum(a.state = 'yes') > 0 THEN 'warns'
    WHEN sum(a.state = 'unknown') > 0 THEN 'unknown'
    ELSE 'no'
  END AS state,
  coalesce(iif(d.state IN ('absent', 'broken', 'unknown'), d.outcome, NULL), min(iif(a.state = 'yes', NULL, a.reason)), iif(count(a.name) = 0, 'not_asked', NULL)) AS reason,
  min(iif(a.state = 'yes', NULL, a.status)) AS status, min(iif(a.state = 'yes', NULL, a.detail)) AS detail, min(iif(a.state = 'yes', NULL, a.last_url)) AS last_url,
  replace(group_concat(DISTINCT iif(a.state = 'yes', NULL, a.address) ORDER BY a.address), ',', ', ') AS addresses,
  coalesce(min(a.is_silent), 0) AS is_silent
FROM public_url AS u
CROSS JOIN methods AS m
LEFT JOIN dns AS d ON d.name = u.url
LEFT JOIN asked AS a ON a.name = u.url AND a.method = m.method
GROUP BY u.url, m.method
