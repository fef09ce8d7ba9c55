-- This migration brings no tables.
INSERT INTO audit_entries VALUES ('e2', 1005, 'Service', 'account activated', 'a1', '{}', '');
