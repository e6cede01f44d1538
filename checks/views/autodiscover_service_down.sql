-- One row: a URL at which this BlueMind's nginx answers for a service behind it that does not (`result`): mapi_down,
-- core_not_running. Both spellings of a path are one; another BlueMind's are told by autodiscover_other_bluemind.
WITH
judged AS MATERIALIZED (
  SELECT
    p.name, p.method, p.spelling, p.url, p.host, p.address, p.result, p.status, p.identity, p.redirects, p.last_url,
    coalesce(n.unicode_name, p.name) AS shown
  FROM autodiscover_probe AS p
  LEFT JOIN autodiscover_name AS n ON n.name = p.name
  WHERE p.method <> 'loopback' AND p.result IN ('mapi_down', 'core_not_running') AND p.identity <> 'other_bluemind'
),
-- The plain http redirect of BlueMind ends at the same service.
kept AS MATERIALIZED (
  SELECT j.*, row_number() OVER (PARTITION BY lower(j.url), j.result ORDER BY j.spelling = 'capital', j.name, j.address) AS nth
  FROM judged AS j
  LEFT JOIN (SELECT DISTINCT name, result FROM judged WHERE method <> 'redirect') AS s
    ON j.method = 'redirect' AND s.name = j.name AND s.result = j.result
  WHERE s.name IS NULL
),
listed AS MATERIALIZED (
  SELECT lower(k.url) AS url, k.result, replace(group_concat(DISTINCT k.address ORDER BY k.address), ',', ', ') AS addresses,
         replace(group_concat(DISTINCT k.shown ORDER BY k.shown), ',', ', ') AS domains
  FROM kept AS k GROUP BY 1, 2
)
SELECT
  k.url, k.result, k.method, k.host, k.status, k.identity, iif(k.redirects > 0, k.last_url, NULL) AS last_url,
  l.addresses, l.domains
FROM kept AS k
JOIN listed AS l ON l.url = lower(k.url) AND l.result = k.result
WHERE k.nth = 1
