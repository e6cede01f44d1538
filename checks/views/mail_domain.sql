-- One row: a name that mail is addressed to, in lower case, with its domain: that of the domain itself, or an alias. A name
-- may be both.
SELECT lower(d.domain_uid) AS name, min(d.domain_uid) AS domain_uid, 0 AS is_alias
FROM domain AS d
WHERE d.is_global = 0
GROUP BY 1
UNION ALL
SELECT lower(a.alias), min(a.domain_uid), 1
FROM domain_alias AS a
GROUP BY 1
