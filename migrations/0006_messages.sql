-- Contact and feedback are enquiries, too: what somebody needs to be helped at once stands in a
-- document (who is affected, what they saw), and a case worker may look after one.
ALTER TABLE enquiries ADD COLUMN details TEXT NOT NULL DEFAULT '';
ALTER TABLE enquiries ADD COLUMN claimed_by TEXT;

-- What people are told of the service. Of each component there is what the central team says and
-- what the service's own check found; people see the worse of the two.
CREATE TABLE status_components (
  component TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('Team', 'Check')),
  health TEXT NOT NULL CHECK (health IN ('Working', 'Problems', 'NotWorking')),
  words TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (component, source)
);
-- How it was before. Rows are only ever added.
CREATE TABLE status_changes (
  id TEXT PRIMARY KEY,
  component TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('Team', 'Check')),
  health TEXT NOT NULL CHECK (health IN ('Working', 'Problems', 'NotWorking')),
  words TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX status_changes_at ON status_changes (at, id);
-- When the service last looked at itself: written each time, which shows that it can write.
CREATE TABLE status_looks (
  name TEXT PRIMARY KEY,
  looked_at BIGINT NOT NULL
);

CREATE TABLE announcements (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('Trouble', 'PlannedWork', 'News')),
  component TEXT NOT NULL,
  title TEXT NOT NULL,
  words TEXT NOT NULL,
  on_every_page BOOLEAN NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT,
  made_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  once TEXT NOT NULL UNIQUE
);
CREATE INDEX announcements_starts ON announcements (starts_at, id);
