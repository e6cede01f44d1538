-- One row: an address of a host that was asked by https, over all requests to it. `is_dead`: nothing answers there
-- (`result`, the code of the silence); `is_unjudged`: nothing does, but this machine has no way into IPv6 at all;
-- `is_bluemind`: this BlueMind answers; `strange`: the code of an answer of somebody else whom no other check names.
-- `is_wanted`: the host is autodiscover or a target of SRV, and not only the domain itself.
WITH
-- By https only: that a host's port 80 is closed is no fault. What comes after a redirect is not about the address.
tried AS MATERIALIZED (
  SELECT
    b.host, b.address, b.method, b.result,
    b.redirects = 0 AND b.result IN ('refused', 'timeout', 'unreachable', 'tls_timeout', 'closed') AS is_silent,
    b.method <> 'root' AND b.result = 'bluemind' AS is_bluemind,
    -- Who can be named, and what leads on to elsewhere, is told by other checks.
    b.method <> 'root' AND b.result IN ('html_page', 'not_found', 'forbidden', 'server_error', 'invalid_xml', 'other', 'unknown_basic_auth',
      'autodiscover', 'other_bluemind', 'not_tls', 'not_http', 'too_old', 'client_certificate', 'failed') AS is_strange
  FROM autodiscover_probe AS b
  WHERE b.method IN ('root', 'autodiscover', 'srv') AND b.address IS NOT NULL AND b.result <> 'not_asked'
    -- What the hosts file leads to is no other address of the same record.
    AND (b.is_dns OR NOT b.is_system)
),
probed AS MATERIALIZED (
  SELECT
    t.host, t.address, instr(t.address, ':') > 0 AS is_ipv6,
    max(t.method IN ('autodiscover', 'srv')) AS is_wanted,
    min(CASE WHEN t.is_silent THEN t.result END) AS result,
    min(t.is_silent) AS is_silent,
    min(t.is_silent AND t.result = 'unreachable') AS is_unreachable,
    max(t.is_bluemind) AS is_bluemind, min(CASE WHEN t.is_strange THEN t.result END) AS strange
  FROM tried AS t
  GROUP BY t.host, t.address
),
-- A server without any way into IPv6 can say nothing of IPv6 addresses.
network AS MATERIALIZED (
  SELECT coalesce(sum(p.is_ipv6 AND NOT p.is_unreachable), 0) > 0 AS has_ipv6 FROM probed AS p
)
SELECT
  p.host, p.address, p.is_ipv6, p.is_wanted, p.result,
  p.is_silent AND NOT (p.is_ipv6 AND p.is_unreachable AND NOT n.has_ipv6) AS is_dead,
  p.is_silent AND p.is_ipv6 AND p.is_unreachable AND NOT n.has_ipv6 AS is_unjudged,
  p.is_bluemind, iif(p.is_bluemind, NULL, p.strange) AS strange
FROM probed AS p CROSS JOIN network AS n
