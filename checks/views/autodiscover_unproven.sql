-- One row: a URL that is answered by what is not proven to be this BlueMind, and by what (`reason`): other_bluemind (the
-- request is in no log of this one), autodiscover (a service that is not BlueMind's, or hides it), unknown_basic_auth (a
-- password without BlueMind's marks), likely_only (a BlueMind, of which nothing is proven). Both spellings of a path are one.
WITH
judged AS MATERIALIZED (
  SELECT
    p.name, p.method, p.spelling, p.url, p.host, p.address, p.last_url, p.redirects, p.status, p.realm, p.schemes,
    p.identity, p.in_log, p.on_socket, p.at_address, p.same_certificate, coalesce(n.unicode_name, p.name) AS shown,
    CASE
      WHEN p.identity = 'other_bluemind' THEN 'other_bluemind'
      WHEN p.result = 'autodiscover' THEN 'autodiscover'
      -- A password behind a wildcard is told by autodiscover_answered_by_another_server.
      WHEN p.result = 'unknown_basic_auth'
       AND NOT (w.address IS NOT NULL AND p.method <> 'root' AND substr(p.host, -length(n.ascii_name) - 1) = '.' || n.ascii_name)
      THEN 'unknown_basic_auth'
      -- What a log that is written in pieces would tell is told once, as unknown.
      WHEN p.result = 'bluemind' AND p.identity = 'likely' AND p.in_log IS NOT 'late' THEN 'likely_only'
    END AS reason
  FROM autodiscover_probe AS p
  LEFT JOIN autodiscover_name AS n ON n.name = p.name
  LEFT JOIN autodiscover_wildcard AS w ON w.name = p.name AND w.address = p.address
  WHERE p.method IN ('root', 'autodiscover', 'srv')
),
-- A host that was proven once needs no further proof.
sure AS MATERIALIZED (
  SELECT DISTINCT host FROM autodiscover_probe WHERE method <> 'loopback' AND identity IN ('proven', 'very_likely')
),
kept AS MATERIALIZED (
  SELECT j.*, row_number() OVER (PARTITION BY lower(j.url), j.reason ORDER BY j.spelling = 'capital', j.name, j.address) AS nth
  FROM judged AS j LEFT JOIN sure AS s ON s.host = j.host
  WHERE j.reason IS NOT NULL AND s.host IS NULL
),
listed AS MATERIALIZED (
  SELECT lower(k.url) AS url, k.reason, replace(group_concat(DISTINCT k.address ORDER BY k.address), ',', ', ') AS addresses,
         replace(group_concat(DISTINCT k.shown ORDER BY k.shown), ',', ', ') AS domains
  FROM kept AS k GROUP BY 1, 2
)
SELECT
  k.url, k.reason, k.method, k.host, k.identity,
  coalesce(k.in_log, 'unknown') AS in_log, coalesce(k.on_socket, 'unknown') AS on_socket,
  coalesce(k.at_address, 'unknown') AS at_address, coalesce(k.same_certificate, 'unknown') AS same_certificate,
  k.realm, k.schemes, k.status, iif(k.redirects > 0, k.last_url, NULL) AS last_url, l.addresses, l.domains
FROM kept AS k
JOIN listed AS l ON l.url = lower(k.url) AND l.reason = k.reason
WHERE k.nth = 1
