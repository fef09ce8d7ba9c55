INSERT INTO enquiries (id, reference, version, kind, state, name, email, telephone, organisation, message, subject, asked_at, due_at, once, details, claimed_by)
VALUES ('q6', 'CP-9QPX-2M4J', 1, 'Support', 'Open', 'Bo Reed', 'bo@oakhouse.example', '01632 960 001', 'Oak House', 'No mail.', 'Email', 1000, 2000, 'once 6', '{"people":2,"addresses":"","saw":"Error 5","more":""}', 'w1');
INSERT INTO status_components VALUES ('Mail', 'Team', 'Problems', 'Mail is slow.', 1000);
INSERT INTO status_changes VALUES ('c1', 'Mail', 'Team', 'Problems', 'Mail is slow.', 1000);
INSERT INTO status_looks VALUES ('service', 1000);
INSERT INTO announcements VALUES ('a1', 1, 'PlannedWork', 'Mail', 'Work on Sunday', 'Mail stops for an hour.', TRUE, 1000, 2000, 900, 900, 'once a1');
