-- One row: the certificate that an address shows for a host, with what a client objects to (`problems`, null when
-- nothing). `verdict`: `ok`, `warns` (a client shows a warning), `refused` (no client accepts it).
WITH judged AS (
  SELECT
    h.handshake_id, h.name, h.host, h.address, h.port, h.names, h.issuer, h.trust, h.validity, h.expires_at, h.key_algorithm, h.key_bits,
    h.certificate_sha256, h.key_sha256, h.name_matches,
    EXISTS (
      SELECT 1 FROM tls_certificate AS t
      WHERE t.handshake_id = h.handshake_id AND t.position = 0
        AND (t.issuer LIKE '%ca-bm-%.blue-mind.net%' OR t.subject LIKE '%.your.external.url%')
    ) AS is_bluemind_default
  FROM tls_handshake AS h
  WHERE h.certificate_sha256 IS NOT NULL AND h.with_sni AND NOT h.is_loopback
)
SELECT
  handshake_id, name, host, address, port, names, issuer, trust, validity, expires_at, key_algorithm, key_bits,
  certificate_sha256, key_sha256, is_bluemind_default,
  CASE
    WHEN trust = 'bad_signature' OR key_algorithm = 'RSA' AND key_bits < 2048 THEN 'refused'
    WHEN NOT name_matches OR validity <> 'valid' OR trust NOT IN ('system', 'extra') THEN 'warns'
    ELSE 'ok'
  END AS verdict,
  nullif(concat_ws(', ',
    CASE WHEN names = '' THEN 'no_san' WHEN NOT name_matches THEN 'name_mismatch' END,
    CASE WHEN validity <> 'valid' THEN validity END,
    CASE
      WHEN key_algorithm = 'RSA' AND key_bits < 2048 THEN 'weak_key'
      WHEN trust IN ('system', 'extra') THEN NULL
      WHEN is_bluemind_default THEN 'bluemind_default_cert'
      ELSE trust
    END), '') AS problems,
  -- Windows fetches a missing intermediate by itself, mobiles and Java do not.
  trust = 'incomplete_chain' AND name_matches AND validity = 'valid' AS only_mobiles_warn
FROM judged
