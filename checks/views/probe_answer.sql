-- One row: a probe of whatever method with its last hop, who answered (`identity`: proven, very_likely, likely, other_bluemind, foreign,
-- unknown) and what the answer is worth (`result`, a code). `bm_mapi` (yes, no, unknown): whether bm-mapi would take it
-- for its own; `client` (yes, warns, no, unknown): what a client makes of it.
WITH
proofs AS MATERIALIZED (
  SELECT
    probe_id,
    max(CASE WHEN proof = 'access_log' THEN holds END) AS in_log,
    max(CASE WHEN proof = 'socket' THEN holds END) AS on_socket,
    max(CASE WHEN proof = 'address' THEN holds END) AS at_address,
    max(CASE WHEN proof = 'certificate' THEN holds END) AS same_certificate
  FROM identity_proof GROUP BY probe_id
),
door AS MATERIALIZED (
  SELECT h.name, h.host, h.address, h.port, h.is_loopback, min(h.outcome) AS outcome, min(h.detail) AS detail,
         max(h.wants_certificate) AS wants_certificate
  FROM tls_handshake AS h WHERE h.with_sni GROUP BY h.name, h.host, h.address, h.port, h.is_loopback
),
-- Who answers some requests and puts off others limits how often it is asked.
limited AS MATERIALIZED (
  SELECT e.address, e.port FROM http_exchange AS e
  WHERE e.status IS NOT NULL
  GROUP BY e.address, e.port HAVING sum(e.status = 503) > 0 AND sum(e.status NOT IN (429, 503)) > 0
),
ends AS MATERIALIZED (
  SELECT
    f.probe_id, f.name, f.method, f.spelling, f.url, f.host, f.address, l.hop AS redirects,
    f.port, l.url AS last_url, l.host AS last_host, l.address AS last_address, l.port AS last_port, l.verb, l.status, l.realm, l.schemes,
    -- Two connections to one server, and the handshake alone knows what it would have spoken with others.
    CASE WHEN l.outcome IN ('no_common_algorithm', 'failed', 'closed') AND d2.outcome IN ('no_common_algorithm', 'failed', 'closed', 'client_certificate')
      THEN d2.outcome ELSE l.outcome
    END AS outcome,
    coalesce(d2.wants_certificate, 0) AS wants_certificate,
    l.location, l.error_code, l.body, l.body_bytes, coalesce(iif(d2.outcome IN ('no_common_algorithm', 'too_old'), d2.detail, NULL), l.detail) AS detail,
    CASE
      WHEN l.kind = 'bluemind' THEN l.kind
      WHEN EXISTS (
        SELECT 1 FROM http_exchange AS o WHERE o.probe_id = f.probe_id AND o.kind = 'office365'
      ) OR EXISTS (
        SELECT 1 FROM dns_answer AS a
        WHERE a.host = f.host AND a.name = f.name
          AND (a.canonical_name LIKE '%.outlook.com' OR a.canonical_name LIKE '%.office365.com')
      ) THEN 'office365'
      ELSE l.kind
    END AS kind,
    p.in_log, p.on_socket, p.at_address, p.same_certificate,
    coalesce(d.is_system, f.method = 'loopback') AS is_system, coalesce(d.is_dns, 0) AS is_dns,
    cf.verdict AS certificate, cf.problems AS certificate_problems, coalesce(cf.only_mobiles_warn, 0) AS only_mobiles_warn,
    cl.verdict AS last_certificate, cf.trust AS trust, cf.issuer AS issuer, cf.key_sha256 AS key_sha256
  FROM http_exchange AS f
  JOIN http_exchange AS l ON l.probe_id = f.probe_id AND l.is_last
  LEFT JOIN proofs AS p ON p.probe_id = f.probe_id
  LEFT JOIN autodiscover_address AS d ON d.name = f.name AND d.host = f.host AND d.address = f.address
  LEFT JOIN autodiscover_certificate AS cf
    ON cf.name = f.name AND cf.host = f.host AND cf.address = f.address AND cf.port = coalesce(f.port, cf.port)
    AND f.url LIKE 'https:%'
  LEFT JOIN autodiscover_certificate AS cl
    ON cl.name = l.name AND cl.host = l.host AND cl.address = l.address AND cl.port = coalesce(l.port, cl.port)
    AND l.hop > 0 AND l.url LIKE 'https:%'
  LEFT JOIN door AS d2
    ON d2.name = l.name AND d2.host = l.host AND d2.port = coalesce(l.port, d2.port) AND d2.is_loopback = (l.hop = 0 AND f.method = 'loopback')
    AND (d2.address = l.address OR d2.is_loopback) AND l.url LIKE 'https:%'
  WHERE f.hop = 0
),
named AS MATERIALIZED (
  SELECT
    e.*,
    CASE
      WHEN kind IN ('exchange', 'office365') THEN 'foreign'
      WHEN in_log = 'yes' OR on_socket = 'yes' AND kind IN ('bluemind', 'bluemind_error_page') THEN 'proven'
      WHEN kind IN ('bluemind', 'bluemind_error_page') AND in_log = 'no' THEN 'other_bluemind'
      WHEN kind IN ('bluemind', 'bluemind_error_page') AND (at_address = 'yes' OR same_certificate = 'yes') THEN 'very_likely'
      WHEN kind IN ('bluemind', 'bluemind_error_page') OR same_certificate = 'yes' THEN 'likely'
      ELSE 'unknown'
    END AS identity,
    -- A chain that a private authority signed in place of this server's own: something between reads along.
    coalesce(e.trust = 'unknown_issuer' AND coalesce(e.kind, '') <> 'bluemind' AND e.in_log IS NOT 'yes' AND EXISTS (
      SELECT 1 FROM tls_handshake AS own
      WHERE own.name = e.name AND own.host = e.host AND own.is_loopback AND own.outcome = 'ok'
        AND own.key_sha256 <> e.key_sha256 AND own.issuer <> e.issuer
    ), 0) AS is_intercepted,
    -- It answered a request, and the handshake that was to show its certificate failed.
    EXISTS (
      SELECT 1 FROM tls_handshake AS h
      WHERE h.name = e.name AND h.with_sni AND NOT h.is_loopback AND h.certificate_sha256 IS NULL
        AND (h.host = e.host AND h.address = e.address AND h.port = coalesce(e.port, h.port) AND e.url LIKE 'https:%'
          OR h.host = e.last_host AND h.address = e.last_address AND h.port = coalesce(e.last_port, h.port) AND e.redirects > 0)
    ) AS is_unseen
  FROM ends AS e
),
valued AS MATERIALIZED (
  SELECT
    n.*,
    CASE
      WHEN kind IN ('exchange', 'office365') THEN kind
      WHEN is_intercepted THEN 'intercepted'
      WHEN wants_certificate AND (outcome = 'client_certificate' OR status IN (400, 403)) THEN 'client_certificate'
      WHEN certificate = 'refused' AND outcome <> 'answer' THEN 'weak_key'
      WHEN outcome <> 'answer' THEN outcome
      WHEN identity = 'other_bluemind' THEN 'other_bluemind'
      WHEN kind = 'bluemind' THEN 'bluemind'
      WHEN status = 502 AND (kind = 'bluemind_error_page' OR in_log = 'yes') THEN 'mapi_down'
      -- bm-mapi answers so itself, with nothing in it, and this nginx passes it on; a page of its own is of a limit.
      WHEN status = 503 AND (kind = 'bluemind_error_page' OR kind = 'empty' AND in_log = 'yes') THEN 'core_not_running'
      WHEN status = 429 THEN 'rate_limited'
      WHEN status = 503 AND EXISTS (SELECT 1 FROM limited AS x WHERE x.address = n.last_address AND x.port = n.last_port) THEN 'rate_limited'
      WHEN status = 405 AND verb = 'GET' THEN 'method_refused'
      WHEN kind = 'autodiscover' THEN 'autodiscover'
      WHEN status = 401 THEN 'unknown_basic_auth'
      WHEN status = 404 THEN 'not_found'
      WHEN status = 403 THEN 'forbidden'
      WHEN status >= 500 THEN 'server_error'
      WHEN kind IN ('html', 'bluemind_page') THEN 'html_page'
      WHEN kind = 'invalid_xml' THEN 'invalid_xml'
      ELSE 'other'
    END AS result
  FROM named AS n
)
SELECT
  v.*,
  CASE
    WHEN result = 'bluemind' THEN CASE WHEN identity IN ('proven', 'very_likely') THEN 'yes' ELSE 'unknown' END
    WHEN result IN ('other_bluemind', 'core_not_running', 'unknown_basic_auth', 'autodiscover', 'intercepted', 'weak_key', 'not_asked',
                    'no_common_algorithm', 'rate_limited', 'method_refused')
      OR status = 503
      THEN 'unknown'
    ELSE 'no'
  END AS bm_mapi,
  CASE
    WHEN certificate = 'refused' OR last_certificate = 'refused' THEN 'no'
    -- Published as 127.0.0.1, it leads a workstation to itself.
    WHEN method <> 'loopback' AND leads_home(last_address) THEN 'no'
    WHEN result = 'other_bluemind' AND status >= 500 THEN 'no'
    WHEN result IN ('bluemind', 'autodiscover') AND (is_unseen OR certificate = 'unknown' OR last_certificate = 'unknown') THEN 'unknown'
    WHEN result IN ('bluemind', 'autodiscover') THEN
      CASE
        WHEN redirects > 0 OR certificate = 'warns' AND NOT only_mobiles_warn THEN 'warns'
        ELSE 'yes'
      END
    WHEN result IN ('other_bluemind', 'unknown_basic_auth', 'intercepted', 'not_asked', 'no_common_algorithm', 'rate_limited',
                    'method_refused')
      THEN 'unknown'
    -- A machine without IPv6 cannot tell what those who have it meet.
    WHEN result = 'unreachable' AND address LIKE '%:%' THEN 'unknown'
    ELSE 'no'
  END AS client
FROM valued AS v
