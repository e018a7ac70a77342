-- Schema 4 → 5: incidents without a verdict that are no longer in memory can be counted without reading the documents.
CREATE INDEX incident_shelved ON incident (
    severity, json_extract(json, '$."kuzet.people".at_least'), json_extract(json, '$."kuzet.people".at_most')
) WHERE live = 0 AND state <> 'closed';
