-- One row: a step of the trace of a name, as the report tells it. `place` orders the steps of a name for a reader: each
-- method, then what else was asked.
WITH
host_method AS MATERIALIZED (
  SELECT name, host, min(CASE purpose WHEN 'root' THEN 1 WHEN 'autodiscover' THEN 2 WHEN 'srv_target' THEN 4 ELSE 5 END) AS rank
  FROM dns_answer WHERE type IN ('A', 'AAAA') GROUP BY name, host
),
shown_records AS MATERIALIZED (
  SELECT
    name, purpose, resolver, host,
    group_concat(type || ' ' || concat_ws(' ', priority, weight, port) || CASE WHEN type = 'SRV' THEN ' ' ELSE '' END || value, ', ') AS records
  FROM (SELECT * FROM dns_record WHERE type <> 'SOA' ORDER BY type DESC, value) GROUP BY name, purpose, resolver, host
),
steps AS (
  SELECT
    name, CASE method WHEN 'root' THEN 1 WHEN 'autodiscover' THEN 2 WHEN 'redirect' THEN 3 ELSE 4 END AS rank, '' AS sort,
    0 AS depth, 'method' AS kind, method AS target, client AS outcome, NULL AS detail, NULL AS elapsed_ms,
    CASE client WHEN 'yes' THEN 'ok' WHEN 'warns' THEN 'warning' WHEN 'unknown' THEN 'unknown' WHEN 'absent' THEN 'note' ELSE 'error' END AS status
  FROM autodiscover_method
  UNION ALL
  SELECT name, 5, '', 0, 'method', 'other', '', NULL, NULL, 'note' FROM autodiscover_verdict
  UNION ALL
  SELECT
    a.name, CASE a.purpose WHEN 'root' THEN 1 WHEN 'autodiscover' THEN 2 WHEN 'srv' THEN 4 WHEN 'srv_target' THEN 4 ELSE 5 END,
    '1 ' || CASE a.purpose WHEN 'srv' THEN 0 ELSE 1 END || a.host || ' ' || a.type || ' ' || printf('%04d', a.resolver_rank),
    1, 'dns', a.type || ' ' || a.host || ' @ ' || a.resolver, a.outcome,
    coalesce(CASE WHEN a.outcome = 'answer' THEN r.records END, a.detail), a.elapsed_ms,
    CASE
      WHEN a.outcome = 'answer' THEN 'ok'
      WHEN a.outcome IN ('nxdomain', 'nodata') THEN 'note'
      WHEN a.outcome IN ('timeout', 'not_asked', 'refused', 'truncated', 'no_recursion', 'error') THEN 'unknown'
      ELSE 'error'
    END
  FROM dns_answer AS a
  LEFT JOIN shown_records AS r
    ON r.name = a.name AND r.host = a.host AND r.resolver = a.resolver AND r.purpose = a.purpose
  UNION ALL
  SELECT
    h.name, CASE WHEN h.is_loopback THEN 5 ELSE coalesce(m.rank, 5) END, '2 ' || h.host || h.address || h.handshake_id,
    1, 'tls', h.host || ' [' || h.address || ']:' || h.port || CASE WHEN h.with_sni THEN '' ELSE ' (no SNI)' END, h.outcome,
    nullif(concat_ws(', ', h.protocol, h.issuer, h.detail), ''), h.elapsed_ms,
    CASE h.outcome WHEN 'ok' THEN 'ok' WHEN 'no_common_algorithm' THEN 'unknown' ELSE 'error' END
  FROM tls_handshake AS h LEFT JOIN host_method AS m ON m.name = h.name AND m.host = h.host
  UNION ALL
  SELECT
    c.name, coalesce(m.rank, 5), '2 ' || c.host || c.address || c.handshake_id || 'c',
    2, 'certificate', nullif(c.names, ''), coalesce(c.problems, 'valid'), c.issuer, NULL,
    CASE c.verdict WHEN 'ok' THEN 'ok' WHEN 'warns' THEN 'warning' WHEN 'unknown' THEN 'unknown' ELSE 'error' END
  FROM autodiscover_certificate AS c LEFT JOIN host_method AS m ON m.name = c.name AND m.host = c.host
  UNION ALL
  SELECT
    e.name, CASE e.method WHEN 'root' THEN 1 WHEN 'autodiscover' THEN 2 WHEN 'redirect' THEN 3 WHEN 'srv' THEN 4 ELSE 5 END,
    '3 ' || printf('%06d', e.probe_id) || printf('%02d', e.hop), 1 + (e.hop > 0), 'http',
    e.url || coalesce(' [' || e.address || ']', ''), CASE WHEN e.outcome = 'answer' THEN coalesce(e.kind, 'answer') ELSE e.outcome END,
    nullif(concat_ws(', ', 'HTTP ' || e.status, e.server, 'realm ' || e.realm, e.schemes, 'Location: ' || e.location, 'ErrorCode ' || e.error_code, e.detail), ''),
    e.elapsed_ms,
    CASE
      WHEN e.outcome = 'answer' AND e.kind IN ('bluemind', 'redirect') THEN 'ok'
      WHEN e.outcome = 'answer' AND e.kind IN ('autodiscover', 'authentication', 'bluemind_error_page') THEN 'warning'
      WHEN e.outcome IN ('not_asked', 'no_common_algorithm') OR e.status IN (429, 503) THEN 'unknown'
      ELSE 'error'
    END
  FROM http_exchange AS e
  UNION ALL
  SELECT
    p.name, CASE e.method WHEN 'root' THEN 1 WHEN 'autodiscover' THEN 2 WHEN 'redirect' THEN 3 WHEN 'srv' THEN 4 ELSE 5 END,
    '3 ' || printf('%06d', p.probe_id) || '99', 2, 'proof', p.proof, p.holds, p.detail, NULL,
    CASE p.holds WHEN 'yes' THEN 'ok' WHEN 'no' THEN 'note' ELSE 'unknown' END
  FROM identity_proof AS p JOIN http_exchange AS e ON e.probe_id = p.probe_id AND e.hop = 0
)
SELECT
  name, row_number() OVER (PARTITION BY name ORDER BY rank, sort) AS place,
  depth, kind, coalesce(target, '') AS target, outcome, status, detail, elapsed_ms
FROM steps
