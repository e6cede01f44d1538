-- One row: the certificate that an address shows for a host, with what a client objects to, each null when it does not:
-- `name_problem`, `validity_problem`, `trust_problem` (`unknown`: nothing could judge the chain), and all of them in
-- `problems`. `verdict`: `ok`, `warns` (a client shows a warning), `refused` (no client accepts it), `unknown` (this program
-- alone cannot judge it, and clients may).
WITH
judged AS (
  SELECT
    h.handshake_id, h.name, h.host, h.address, h.port, h.names, h.issuer, h.trust, h.validity, h.expires_at, h.key_algorithm, h.key_bits,
    h.certificate_sha256, h.key_sha256, h.name_matches, h.missing_issuer,
    EXISTS (
      SELECT 1 FROM tls_certificate AS t
      WHERE t.handshake_id = h.handshake_id AND t.position = 0
        AND (t.issuer LIKE '%ca-bm-%.blue-mind.net%' OR t.subject LIKE '%.your.external.url%')
    ) AS is_bluemind_default
  FROM tls_handshake AS h
  WHERE h.certificate_sha256 IS NOT NULL AND h.with_sni AND NOT h.is_loopback
),
named AS (
  SELECT
    j.*,
    CASE WHEN j.names = '' THEN 'no_san' WHEN NOT j.name_matches THEN 'name_mismatch' END AS name_problem,
    CASE j.validity WHEN 'expired' THEN 'expired' WHEN 'not_yet_valid' THEN 'not_yet_valid' END AS validity_problem,
    CASE
      WHEN j.key_algorithm = 'RSA' AND j.key_bits < 2048 THEN 'weak_key'
      WHEN j.trust IN ('system', 'extra') THEN NULL
      WHEN j.is_bluemind_default THEN 'bluemind_default_cert'
      WHEN j.trust = 'self_signed' THEN 'self_signed'
      WHEN j.trust = 'unknown_issuer' THEN 'unknown_issuer'
      WHEN j.trust = 'incomplete_chain' THEN 'incomplete_chain'
      WHEN j.trust = 'bad_signature' THEN 'bad_signature'
      WHEN j.trust = 'unknown' THEN 'unknown'
    END AS trust_problem
  FROM judged AS j
)
SELECT
  handshake_id, name, host, address, port, names, issuer, trust, validity, expires_at, key_algorithm, key_bits,
  certificate_sha256, key_sha256, missing_issuer, is_bluemind_default, name_problem, validity_problem, trust_problem,
  CASE
    WHEN trust = 'bad_signature' OR key_algorithm = 'RSA' AND key_bits < 2048 THEN 'refused'
    WHEN name_problem IS NOT NULL OR validity <> 'valid' OR trust NOT IN ('system', 'extra', 'unknown') THEN 'warns'
    WHEN trust = 'unknown' OR name_matches IS NULL THEN 'unknown'
    ELSE 'ok'
  END AS verdict,
  nullif(concat_ws(', ', name_problem, validity_problem, trust_problem), '') AS problems,
  -- Windows fetches a missing intermediate by itself, mobiles and Java do not.
  trust = 'incomplete_chain' AND name_matches AND validity = 'valid' AS only_mobiles_warn
FROM named
