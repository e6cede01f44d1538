-- One row: a method (root, autodiscover, redirect, srv) of a name that was probed. `bm_mapi` (yes, no, unknown): whether
-- bm-mapi, which asks from this machine, would count it; `client` (yes, warns, no, unknown, absent): what a workstation
-- that tries it meets; `reason`: the code of what is in the way.
WITH
probe AS MATERIALIZED (
  SELECT
    b.name, b.method, b.spelling, b.address, b.is_system, b.is_dns, b.bm_mapi, b.result, b.at_address, b.certificate_problems,
    b.redirects, coalesce(a.is_own, 0) AS is_own,
    CASE WHEN a.is_own THEN 'no' ELSE b.client END AS client
  FROM autodiscover_probe AS b
  LEFT JOIN autodiscover_address AS a ON a.name = b.name AND a.host = b.host AND a.address = b.address
),
-- Addresses that this machine may connect to, and where something else than bm-mapi answers to the path in lower case, or
-- nobody knows what.
astray AS MATERIALIZED (
  SELECT name, method FROM probe WHERE is_system GROUP BY name, method, address
  HAVING sum(bm_mapi = 'yes' AND spelling = 'lower') = 0 AND sum(result NOT IN ('refused', 'timeout', 'unreachable')) > 0
),
probed AS MATERIALIZED (
  SELECT
    name, method,
    count(*) AS probes,
    sum(is_system AND bm_mapi = 'yes') AS system_yes,
    sum(is_system AND bm_mapi = 'unknown') AS system_unknown,
    sum(is_system) AS system_probes,
    sum(is_dns) AS dns_probes,
    sum(is_dns AND client = 'yes') AS dns_yes,
    sum(is_dns AND client = 'warns') AS dns_warns,
    sum(is_dns AND client = 'unknown') AS dns_unknown,
    min(CASE WHEN result <> 'bluemind' THEN result END) AS result,
    min(CASE WHEN is_system AND result <> 'bluemind' THEN result END) AS system_result,
    max(result = 'mapi_down') AS is_mapi_down,
    max(is_dns AND is_own) AS is_own,
    min(CASE WHEN is_dns THEN result IN ('refused', 'timeout', 'unreachable', 'tls_timeout') END) AS is_silent,
    max(is_dns AND coalesce(at_address, 'unknown') = 'yes') AS is_local,
    max(certificate_problems) AS certificate_problems,
    max(redirects) AS redirects,
    max(result IN ('bluemind', 'autodiscover')) AS is_good
  FROM probe GROUP BY name, method
),
looped AS MATERIALIZED (
  SELECT name FROM probe WHERE method = 'loopback' AND result = 'bluemind' GROUP BY name
),
hosts AS (
  SELECT
    n.name, h.purpose AS method, h.state, h.outcome, h.resolvers_disagree, p.*,
    EXISTS (SELECT 1 FROM astray AS a WHERE a.name = n.name AND a.method = h.purpose) AS is_astray,
    -- Silent from here, while BlueMind answers for the name on this machine or where only this machine looks for it.
    h.purpose = 'autodiscover' AND p.is_silent AND NOT p.is_local AND NOT p.is_own
      AND (l.name IS NOT NULL OR p.system_yes > 0) AS is_hairpin
  FROM autodiscover_name AS n
  JOIN autodiscover_host AS h ON h.name = n.name
  LEFT JOIN probed AS p ON p.name = n.name AND p.method = h.purpose
  LEFT JOIN looped AS l ON l.name = n.name
)
SELECT
  name, method,
  CASE
    WHEN system_yes > 0 AND NOT is_astray THEN 'yes'
    WHEN system_yes + system_unknown > 0 THEN 'unknown'
    WHEN system_probes > 0 THEN 'no'
    WHEN state = 'unknown' OR outcome = 'servfail' OR state = 'found' AND probes IS NULL THEN 'unknown'
    ELSE 'no'
  END AS bm_mapi,
  CASE
    WHEN dns_probes > 0 AND dns_yes = dns_probes AND NOT resolvers_disagree THEN 'yes'
    WHEN dns_unknown > 0 AND dns_yes + dns_unknown = dns_probes OR is_hairpin THEN 'unknown'
    WHEN dns_yes + dns_warns > 0 THEN 'warns'
    WHEN dns_unknown > 0 THEN 'unknown'
    WHEN dns_probes > 0 THEN 'no'
    WHEN state = 'unknown' OR state = 'found' AND probes IS NULL THEN 'unknown'
    WHEN state = 'absent' THEN 'absent'
    ELSE 'no'
  END AS client,
  CASE
    WHEN is_hairpin THEN 'hairpin'
    WHEN dns_probes IS NULL OR dns_probes = 0 AND system_yes > 0 THEN
      CASE WHEN system_yes > 0 THEN 'only_server' ELSE outcome END
    WHEN result IS NOT NULL THEN result
    WHEN is_own THEN 'loopback_address'
    WHEN certificate_problems IS NOT NULL THEN 'certificate'
    WHEN redirects > 0 THEN 'redirected'
    WHEN resolvers_disagree THEN 'resolvers_disagree'
  END AS reason,
  is_mapi_down, is_good, certificate_problems
FROM hosts
UNION ALL
SELECT
  n.name, 'redirect',
  CASE WHEN p.is_good THEN 'unknown' ELSE 'no' END,
  CASE
    WHEN p.probes IS NULL THEN 'absent'
    WHEN p.is_good AND p.redirects > 0 THEN 'warns'
    WHEN p.dns_unknown > 0 THEN 'unknown'
    ELSE 'no'
  END,
  CASE WHEN p.probes IS NULL THEN NULL WHEN p.is_good THEN 'prompt' ELSE coalesce(p.result, 'no_redirect') END,
  coalesce(p.is_mapi_down, 0), coalesce(p.is_good, 0), NULL
FROM autodiscover_name AS n LEFT JOIN probed AS p ON p.name = n.name AND p.method = 'redirect'
WHERE n.suffix <> 'technical'
UNION ALL
SELECT
  n.name, 'srv',
  CASE
    WHEN s.state = 'unknown' OR s.is_undecided THEN 'unknown'
    WHEN s.state = 'absent' OR s.problem IN ('srv_not_offered', 'srv_unresolvable') THEN 'no'
    WHEN p.is_good OR p.system_unknown > 0 THEN 'unknown'
    ELSE 'no'
  END,
  CASE
    WHEN s.state <> 'found' THEN s.state
    WHEN s.is_undecided THEN 'unknown'
    WHEN s.problem IN ('srv_not_offered', 'srv_unresolvable', 'srv_port') THEN 'no'
    WHEN p.is_good AND (s.problem IS NOT NULL OR p.dns_warns > 0 OR s.target NOT LIKE '%.' || n.ascii_name) THEN 'warns'
    WHEN p.is_good THEN 'yes'
    WHEN p.dns_unknown > 0 OR p.probes IS NULL THEN 'unknown'
    ELSE 'no'
  END,
  CASE WHEN s.state = 'found' THEN coalesce(s.problem, p.result, CASE WHEN p.dns_warns > 0 THEN 'certificate' END) ELSE s.outcome END,
  coalesce(p.is_mapi_down, 0), coalesce(p.is_good, 0), p.certificate_problems
FROM autodiscover_name AS n
JOIN autodiscover_service AS s ON s.name = n.name
LEFT JOIN probed AS p ON p.name = n.name AND p.method = 'srv'
