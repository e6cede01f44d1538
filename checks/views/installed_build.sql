-- The one row: the technical version that is installed, as the directory database tells it; null if it does not.
SELECT coalesce(
  (SELECT nullif(c.version, '') FROM component_version AS c WHERE c.component = 'bm/core'),
  (SELECT nullif(i.db_version, '') FROM installation AS i)
) AS build
