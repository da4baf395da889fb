\set tenant random(1, 20)
\set n random(1, 10000)
\startpipeline
--begin--
--tenant--
SELECT * FROM artifacts a WHERE a.tenant_id = md5(:tenant::text)::uuid AND a.id = 'art_' || lpad(:n::text, 16, '0');
--end--
\endpipeline
