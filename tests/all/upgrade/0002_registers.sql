-- One import and a row in every register.
INSERT INTO imports VALUES (1, 'cqc-locations', '1', TRUE, 'a sample', 'locations.ndjson', 'sha', 10, 1, 1, 0, 0, 0, '2026-11-01', 1000, 1001, 'somebody');
INSERT INTO cqc_locations VALUES ('1-530528300', 'VN4F6', '1-101', '{}', 1, NULL);
INSERT INTO cqc_providers VALUES ('1-101', 'A7E6', '1234567', '{}', 1, NULL);
INSERT INTO ods_organisations VALUES ('VN4F6', 'Site', 'A7E6', '{}', 1, NULL);
INSERT INTO ods_successions VALUES ('VN2R0 VNGTV', 'VN2R0', 'VNGTV', '{}', 1, NULL);
INSERT INTO dspt_statuses VALUES ('A7E6', 'StandardsMet', '2025/26', '{}', 1, NULL);
INSERT INTO site_contacts VALUES ('1-530528300', 'manager@home-instead.example', NULL, '{}', 1, 2000);
