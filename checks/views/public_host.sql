-- The one row: the host name at which the installation is reached from outside (`external_url`), in lower case; null if
-- none is configured, or none that is a name.
SELECT max(lower(i.external_url)) AS external_url
FROM installation AS i
WHERE i.external_url GLOB '*[a-zA-Z]*' AND instr(i.external_url, ':') = 0
