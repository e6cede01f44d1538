-- One row: a certificate that the clients of a name meet where BlueMind answers, or what may be it, by the `method` of the
-- name (`target`: a redirect led there). `is_unseen`: requests were answered there, and every handshake that was to show the
-- certificate failed, so that nothing is known of it. `is_bare_domain`: a wildcard that covers autodiscover., which works, and
-- not the domain itself. `is_of_chain`: another certificate of the chain than the server's own ends first, at `expires_at`.
WITH chain AS MATERIALIZED (
  SELECT
    handshake_id, max(not_before) AS starts_at,
    max(CASE WHEN position = 0 THEN not_before END) AS own_starts_at,
    max(CASE WHEN position = 0 THEN not_after END) AS own_ends_at
  FROM tls_certificate GROUP BY handshake_id
)
SELECT
  m.name, coalesce(n.unicode_name, m.name) AS domain, m.method, m.host, m.address, m.is_answered, c.port, c.handshake_id, c.names, c.issuer,
  c.validity, c.expires_at, c.key_bits, c.missing_issuer, c.name_problem, c.validity_problem, c.trust_problem, h.detail, t.starts_at,
  coalesce(t.own_ends_at <> c.expires_at, 0) AS is_of_chain, t.own_ends_at - t.own_starts_at AS lifetime_s,
  coalesce(m.method = 'root' AND c.name_problem = 'name_mismatch' AND a.client IN ('yes', 'warns')
    AND instr(' ' || lower(c.names) || ' ', ' *.' || c.host || ' ') > 0, 0) AS is_bare_domain,
  0 AS is_unseen
FROM autodiscover_met AS m
JOIN autodiscover_certificate AS c ON c.name = m.name AND c.host = m.host AND c.address = m.address
JOIN tls_handshake AS h ON h.handshake_id = c.handshake_id
LEFT JOIN chain AS t ON t.handshake_id = c.handshake_id
LEFT JOIN autodiscover_name AS n ON n.name = m.name
LEFT JOIN autodiscover_method AS a ON a.name = m.name AND a.method = 'autodiscover'
UNION ALL
SELECT
  u.name, coalesce(n.unicode_name, u.name), u.method, u.host, u.address, 1, u.port, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0, 1
FROM autodiscover_probe AS u
LEFT JOIN autodiscover_name AS n ON n.name = u.name
WHERE u.method IN ('root', 'autodiscover', 'srv') AND u.result IN ('bluemind', 'autodiscover') AND u.is_unseen
