-- One row: a probe of autodiscover, as `probe_answer` has it; those of the installation's URLs are in `public_url_method`.
SELECT a.* FROM probe_answer AS a WHERE a.method IN ('root', 'autodiscover', 'redirect', 'srv', 'loopback')
