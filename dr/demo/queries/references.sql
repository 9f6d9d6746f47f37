-- Which uploads rows speak of, as they lie below the directory of uploads.
SELECT 'documents/' || tenant_id || '/Vertrag ' || id || '.pdf' AS path FROM shop.documents
UNION ALL
SELECT 'attachments/' || tenant_id || '/' || name FROM shop.attachments
