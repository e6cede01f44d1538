-- One row: an address that shows a certificate for BlueMind, or for what may be it: the host of a probe (`method`), and
-- those that redirects led to (`target`). `is_answered`: it answered; else a certificate that no client accepts ended the
-- handshake, and left no answer to know BlueMind by.
WITH
probe AS MATERIALIZED (
  SELECT
    p.probe_id, p.name, p.method, p.host, p.address,
    p.result IN ('bluemind', 'other_bluemind', 'mapi_down', 'core_not_running', 'autodiscover', 'unknown_basic_auth', 'weak_key')
      AS is_answered,
    p.last_certificate = 'refused' AND p.outcome NOT IN ('answer', 'not_asked') AS is_ended
  FROM autodiscover_probe AS p
  WHERE p.method <> 'loopback'
)
SELECT m.name, m.method, m.host, m.address, max(m.is_answered) AS is_answered
FROM (
  SELECT p.name, p.method, p.host, p.address, p.is_answered FROM probe AS p
  WHERE p.method IN ('root', 'autodiscover', 'srv') AND p.is_answered
  UNION ALL
  SELECT p.name, 'target', e.host, c.address, p.is_answered
  FROM probe AS p
  JOIN http_exchange AS e ON e.probe_id = p.probe_id AND e.hop > 0
  -- Of the addresses of such a host only one is asked, and the certificates of all are seen.
  JOIN autodiscover_certificate AS c ON c.name = e.name AND c.host = e.host
  WHERE p.is_answered OR p.is_ended
) AS m
GROUP BY m.name, m.method, m.host, m.address
