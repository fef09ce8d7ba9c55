-- The registers, as imported. What is looked up by is a column; what a register says beyond that
-- is one JSON document, `facts`, that no statement looks into. A row that a full list no longer
-- names is marked as gone, never deleted.

CREATE TABLE imports (
  number BIGINT PRIMARY KEY,
  kind TEXT NOT NULL,
  layout TEXT NOT NULL,
  full_picture BOOLEAN NOT NULL,
  source TEXT NOT NULL,
  file_name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  applied BIGINT NOT NULL,
  unchanged BIGINT NOT NULL,
  rejected BIGINT NOT NULL,
  closed BIGINT NOT NULL,
  data_date TEXT,
  started_at BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  by_whom TEXT NOT NULL
);
CREATE INDEX imports_by_kind ON imports (kind, number);

CREATE TABLE cqc_locations (
  location_id TEXT PRIMARY KEY,
  ods_code TEXT,
  provider_id TEXT,
  facts TEXT NOT NULL,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);
CREATE INDEX cqc_locations_by_ods_code ON cqc_locations (ods_code);
CREATE INDEX cqc_locations_by_provider ON cqc_locations (provider_id);

CREATE TABLE cqc_providers (
  provider_id TEXT PRIMARY KEY,
  ods_code TEXT,
  companies_house_number TEXT,
  facts TEXT NOT NULL,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);
CREATE INDEX cqc_providers_by_ods_code ON cqc_providers (ods_code);

CREATE TABLE ods_organisations (
  code TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  parent_code TEXT,
  facts TEXT NOT NULL,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);
CREATE INDEX ods_organisations_by_parent ON ods_organisations (parent_code);

CREATE TABLE ods_successions (
  pair TEXT PRIMARY KEY,
  predecessor_code TEXT NOT NULL,
  successor_code TEXT NOT NULL,
  facts TEXT NOT NULL,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);
CREATE INDEX ods_successions_by_predecessor ON ods_successions (predecessor_code);
CREATE INDEX ods_successions_by_successor ON ods_successions (successor_code);

CREATE TABLE dspt_statuses (
  code TEXT PRIMARY KEY,
  level TEXT NOT NULL,
  assessment_year TEXT,
  facts TEXT NOT NULL,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);

-- Contact IDs are in here only as keyed hashes.
CREATE TABLE site_contacts (
  location_id TEXT PRIMARY KEY,
  email TEXT,
  telephone TEXT,
  facts TEXT NOT NULL,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);
