-- The one row: the host name at which the installation is reached from outside (`external_url`); null if none is configured,
-- or none that is a name with the usual port.
SELECT max(u.host) AS external_url FROM public_url AS u WHERE u.is_main AND u.port = 443
