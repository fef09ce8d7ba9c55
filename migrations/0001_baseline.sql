-- Every table of the service. Times are milliseconds since 1970 UTC; ids are UUID version 7 as text.
-- States and kinds are not listed in constraints: the enums of the code are the one list.

-- What happened, by whom, why. Rows are only ever added (the guards see to it); each is in the log within a
-- second of its commit.
CREATE TABLE audit_entries (
  id TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  -- A keyed hash of what a person wrote about it; empty where nobody wrote anything.
  text_hash TEXT NOT NULL
);
-- What a person wrote, which may name people. It is not part of the trail, so it can be destroyed with
-- its key; the trail then still shows that there was a text, and nothing of it.
CREATE TABLE audit_texts (
  entry TEXT PRIMARY KEY,
  key TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX audit_entries_of_subject ON audit_entries (subject, id);
CREATE TABLE audit_waiting (entry TEXT PRIMARY KEY);
-- The log of the trail: a leaf of the Merkle tree for each entry, without gaps from 0. `hashes` are those that
-- came to be with the leaf: its own, then those of the nodes that it completes, in hexadecimal digits.
CREATE TABLE audit_log (
  place BIGINT PRIMARY KEY,
  entry TEXT NOT NULL UNIQUE,
  hashes TEXT NOT NULL
);
-- Signed checkpoints of the log, and the lines with which witnesses signed them, too.
CREATE TABLE audit_checkpoints (
  origin TEXT NOT NULL,
  size BIGINT NOT NULL,
  note TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  PRIMARY KEY (origin, size)
);
CREATE TABLE audit_cosignatures (
  origin TEXT NOT NULL,
  size BIGINT NOT NULL,
  witness TEXT NOT NULL,
  line TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (origin, size, witness)
);

-- Work that follows a change, written in the transaction of the change.
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  -- Which workers take it. A program leaves lanes and kinds alone that it does not know.
  lane TEXT NOT NULL DEFAULT 'Upkeep',
  kind TEXT NOT NULL,
  -- Equal work has an equal key.
  work_key TEXT,
  work TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  queued_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  -- While it is taken: the node, the name of this taking, and until when it is left to it at most.
  node TEXT NOT NULL DEFAULT '',
  lease TEXT NOT NULL DEFAULT '',
  lease_ends_at BIGINT,
  -- The bulk it is a part of.
  bulk TEXT,
  finished_at BIGINT
);
CREATE INDEX outbox_due ON outbox (lane, due_at, id) WHERE state = 'Waiting';
-- Equal work waits once. What is under way may be queued once more, and is done again afterwards.
CREATE UNIQUE INDEX outbox_one_waits ON outbox (work_key) WHERE state = 'Waiting';
CREATE INDEX outbox_taken ON outbox (work_key) WHERE state = 'Taken';
CREATE INDEX outbox_needs_attention ON outbox (queued_at, id) WHERE state = 'NeedsAttention';
CREATE INDEX outbox_of_subject ON outbox (subject);
CREATE INDEX outbox_of_bulk ON outbox (bulk, state) WHERE bulk IS NOT NULL;
CREATE TABLE outbox_attempts (
  work_id TEXT NOT NULL REFERENCES outbox (id),
  attempt BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  took_ms BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (work_id, attempt, ended_at)
);
-- Programs that do work, and when each of their lanes last moved.
CREATE TABLE outbox_nodes (id TEXT PRIMARY KEY, seen_at BIGINT NOT NULL);
CREATE TABLE outbox_lanes (
  node TEXT NOT NULL,
  lane TEXT NOT NULL,
  moved_at BIGINT NOT NULL,
  PRIMARY KEY (node, lane)
);
-- How far work is that was queued by the hundred or the hundred thousand.
CREATE TABLE bulk_progress (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  subject TEXT NOT NULL,
  total BIGINT NOT NULL DEFAULT 0,
  done BIGINT NOT NULL DEFAULT 0,
  failed BIGINT NOT NULL DEFAULT 0,
  started_at BIGINT NOT NULL,
  queued_at BIGINT,
  finished_at BIGINT,
  result TEXT NOT NULL DEFAULT ''
);
CREATE INDEX bulk_progress_open ON bulk_progress (id) WHERE finished_at IS NULL;
CREATE INDEX bulk_progress_of_name ON bulk_progress (name, id);
-- What happens at a time: which occurrence of each was claimed last, so that one node does it.
CREATE TABLE schedule_claims (
  name TEXT PRIMARY KEY,
  occurrence BIGINT NOT NULL,
  node TEXT NOT NULL,
  claimed_at BIGINT NOT NULL
);

-- Email and text messages. A secret (code, link) is never in the body: it is derived from the
-- service's key when the letter is sent, so `secret_id` is all that is kept.
CREATE TABLE letters (
  id TEXT PRIMARY KEY,
  message_id TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  language TEXT NOT NULL,
  recipient TEXT NOT NULL,
  name TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  about TEXT NOT NULL,
  secret_purpose TEXT,
  secret_id TEXT,
  written_at BIGINT NOT NULL,
  sent_at BIGINT
);
CREATE INDEX letters_about ON letters (about, id);
CREATE INDEX letters_written ON letters (written_at);
CREATE INDEX letters_with_bodies ON letters (sent_at) WHERE body <> '';

-- Who somebody is. Only hashes of session tokens are kept.
CREATE TABLE sessions (
  token_hash TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  masked BOOLEAN NOT NULL DEFAULT FALSE,
  started_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  -- When a second factor was last shown in it; of kinds that need none, when it began.
  factor_at BIGINT NOT NULL,
  -- The hash of the secret that the browser had before, and what its new one was derived with.
  rotated_from TEXT NOT NULL DEFAULT '',
  salt TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (token_hash, kind)
);
CREATE INDEX sessions_rotated_from ON sessions (rotated_from) WHERE rotated_from <> '';
CREATE INDEX sessions_of_subject ON sessions (subject);
CREATE INDEX sessions_end ON sessions (ends_at);

-- Single-use codes. The code itself is derived, never stored; `recipient` is a keyed hash of the
-- address or number it was sent to.
CREATE TABLE codes (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  subject TEXT NOT NULL,
  recipient TEXT NOT NULL,
  browser TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  tries BIGINT NOT NULL DEFAULT 0,
  used_at BIGINT
);
-- Only the newest code works.
CREATE UNIQUE INDEX codes_one_works ON codes (purpose, subject, browser) WHERE used_at IS NULL;
CREATE INDEX codes_of_subject ON codes (subject, purpose, browser);
CREATE INDEX codes_expire ON codes (expires_at);

-- Single-use links. Only an id is kept; the link carries a mark only the service can make.
CREATE TABLE links (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  subject TEXT NOT NULL,
  recipient TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE INDEX links_of_subject ON links (subject, purpose);
-- Only the newest link works.
CREATE UNIQUE INDEX links_one_works ON links (purpose, subject) WHERE used_at IS NULL;
-- How far somebody has come with an activation link in one browser: there once the code was right.
-- The password is a hash, and not in force before the account is active.
CREATE TABLE activations (
  link_id TEXT NOT NULL REFERENCES links (id),
  browser TEXT NOT NULL,
  confirmed_at BIGINT NOT NULL,
  password_hash TEXT,
  PRIMARY KEY (link_id, browser)
);

-- How much of something has been used in the current window: codes to a number, tries from a
-- network. In the database, so that two nodes keep one limit.
CREATE TABLE budgets (
  name TEXT PRIMARY KEY,
  window_starts_at BIGINT NOT NULL,
  used BIGINT NOT NULL
);

CREATE TABLE case_workers (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  last_code_step BIGINT NOT NULL DEFAULT 0,
  added_at BIGINT NOT NULL,
  disabled_at BIGINT
);

-- One site's request to join by the NAS route.
CREATE TABLE registrations (
  id TEXT PRIMARY KEY,
  reference TEXT NOT NULL UNIQUE,
  version BIGINT NOT NULL,
  state TEXT NOT NULL,
  state_data TEXT NOT NULL,
  questions_version BIGINT NOT NULL,
  answers TEXT NOT NULL,
  sent_document TEXT,
  email TEXT,
  browser TEXT NOT NULL,
  network TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  submitted_at BIGINT,
  due_at BIGINT,
  ods_code TEXT,
  cqc_location_id TEXT,
  site_name TEXT,
  postcode TEXT,
  high_risk BOOLEAN NOT NULL DEFAULT FALSE,
  referred_because TEXT NOT NULL DEFAULT '',
  -- When what people said in it was deleted, some time after it ended.
  forgotten_at BIGINT,
  -- When the contact that the register holds for the site said that it is theirs.
  site_confirmed_at BIGINT,
  -- Undecided, and its registrant has shown that they may act for the site.
  reserves_site BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX registrations_one_a_site ON registrations (ods_code) WHERE reserves_site;
-- Nobody sends a second one of a site while their first is being decided.
CREATE UNIQUE INDEX registrations_one_a_site_and_registrant ON registrations (ods_code, email)
  WHERE state IN ('Submitted', 'Checking', 'Referred', 'MoreInformationAsked');
CREATE INDEX registrations_of_site ON registrations (ods_code);
CREATE INDEX registrations_of_location ON registrations (cqc_location_id);
CREATE INDEX registrations_of_email ON registrations (email, started_at);
CREATE INDEX registrations_waiting ON registrations (due_at, id)
  WHERE state IN ('Submitted', 'Checking', 'Referred', 'MoreInformationAsked');
CREATE INDEX registrations_decided ON registrations (submitted_at, id);
CREATE INDEX registrations_drafts ON registrations (expires_at) WHERE state = 'Draft';
CREATE INDEX registrations_over ON registrations (changed_at)
  WHERE forgotten_at IS NULL AND state IN ('Ineligible', 'Declined', 'Withdrawn', 'Expired', 'Stopped');
CREATE INDEX registrations_browser ON registrations (browser, submitted_at);

-- People named in sent registrations, for finding repeats across the service.
CREATE TABLE registration_contacts (
  registration_id TEXT NOT NULL,
  person BIGINT NOT NULL,
  email TEXT NOT NULL,
  mobile TEXT NOT NULL,
  PRIMARY KEY (registration_id, person)
);
CREATE INDEX registration_contacts_email ON registration_contacts (email);
CREATE INDEX registration_contacts_mobile ON registration_contacts (mobile);

CREATE TABLE register_checks (
  registration_id TEXT NOT NULL,
  name TEXT NOT NULL,
  outcome TEXT NOT NULL,
  words TEXT NOT NULL,
  reason_code TEXT NOT NULL,
  evidence TEXT NOT NULL,
  checked_at BIGINT NOT NULL,
  PRIMARY KEY (registration_id, name)
);

-- Who has said yes to a case. A high-risk case needs two different people.
CREATE TABLE approvals (
  registration_id TEXT NOT NULL,
  case_worker_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (registration_id, case_worker_id)
);

CREATE TABLE case_notes (
  id TEXT PRIMARY KEY,
  case_id TEXT NOT NULL,
  case_worker_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  text TEXT NOT NULL,
  -- What makes sending its form twice one note; empty where the note belongs to a change that is made once.
  once TEXT UNIQUE
);
CREATE INDEX case_notes_of_case ON case_notes (case_id, id);

-- The directory.
-- An address once used never names anybody else: rows are only ever added (the guards see to it).
CREATE TABLE addresses (
  canonical TEXT PRIMARY KEY,
  stem TEXT NOT NULL,
  number BIGINT NOT NULL,
  names TEXT NOT NULL,
  taken_at BIGINT NOT NULL
);
CREATE INDEX addresses_stem ON addresses (stem, number);

-- Legal bodies that provide care. Those whose registers were not known when a site of theirs joined
-- have a name and no codes.
CREATE TABLE organisations (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  name TEXT NOT NULL,
  hq_ods_code TEXT UNIQUE,
  cqc_provider_id TEXT UNIQUE,
  -- Whether it has been approved to look after its own accounts.
  management TEXT NOT NULL,
  -- What its staff are told about whom to ask: words, an address, a number.
  ict_contact TEXT NOT NULL DEFAULT '',
  made_at BIGINT NOT NULL
);

CREATE TABLE sites (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  state TEXT NOT NULL,
  ods_code TEXT NOT NULL UNIQUE,
  cqc_location_id TEXT NOT NULL,
  name TEXT NOT NULL,
  -- The name in plain lower-case words, for searching; made by the program, which knows letters beyond A to Z.
  name_plain TEXT NOT NULL,
  town TEXT NOT NULL,
  postcode TEXT NOT NULL,
  -- Who looks after its accounts.
  management TEXT NOT NULL,
  -- How it came here, and the registration, application, transfer or import by which it did.
  origin TEXT NOT NULL,
  origin_id TEXT NOT NULL,
  joined_at BIGINT NOT NULL,
  -- Before this nobody activates an account: the site's own contact has time to say that it was not them.
  activates_at BIGINT
);
CREATE INDEX sites_of_organisation ON sites (organisation_id, name, id);
-- A registration opens one site; an application or an import may open many.
CREATE UNIQUE INDEX sites_one_a_registration ON sites (origin_id) WHERE origin = 'Registration';
CREATE INDEX sites_town ON sites (town);
CREATE INDEX sites_cqc_location ON sites (cqc_location_id);

CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  state TEXT NOT NULL,
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  role TEXT NOT NULL,
  address TEXT NOT NULL UNIQUE REFERENCES addresses (canonical),
  personal_email TEXT NOT NULL,
  mobile TEXT NOT NULL,
  contact_is_live BOOLEAN NOT NULL,
  password_hash TEXT,
  made_at BIGINT NOT NULL,
  activated_at BIGINT,
  policy_accepted_at BIGINT,
  provisioned_at BIGINT,
  -- When it came into its present state, and why where a person moved it.
  state_since BIGINT NOT NULL,
  state_reason TEXT NOT NULL DEFAULT '',
  -- A sign-in on the pages, a mail program that opened the mailbox, a message sent.
  last_used_at BIGINT,
  -- While it is frozen: the state it goes back to.
  frozen_from TEXT,
  CHECK ((state = 'Frozen') = (frozen_from IS NOT NULL))
);
-- A personal email or mobile may be used by one live account only.
CREATE UNIQUE INDEX accounts_one_email ON accounts (personal_email) WHERE contact_is_live;
CREATE UNIQUE INDEX accounts_one_mobile ON accounts (mobile) WHERE contact_is_live;

-- Sites (by their ODS code, before they join as well) and accounts that were stopped in a hurry. Two different
-- case workers lift a freeze.
CREATE TABLE freezes (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  kind TEXT NOT NULL,
  named TEXT NOT NULL,
  name TEXT NOT NULL,
  about TEXT NOT NULL,
  registration TEXT NOT NULL,
  state TEXT NOT NULL,
  frozen_at BIGINT NOT NULL,
  frozen_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  agreed_by TEXT,
  agreed_at BIGINT,
  agreed_reason TEXT NOT NULL DEFAULT '',
  lifted_by TEXT,
  lifted_at BIGINT,
  lifted_reason TEXT NOT NULL DEFAULT '',
  CHECK (lifted_by IS NULL OR (agreed_by IS NOT NULL AND agreed_by <> lifted_by)),
  CHECK ((state = 'Lifted') = (lifted_by IS NOT NULL))
);
CREATE UNIQUE INDEX freezes_one_in_force ON freezes (kind, named) WHERE lifted_by IS NULL;
CREATE INDEX freezes_in_force ON freezes (frozen_at, id) WHERE lifted_by IS NULL;

-- Ten numbered places for accounts at each site; more only by an exception with its reason.
CREATE TABLE account_slots (
  site_id TEXT NOT NULL REFERENCES sites (id),
  slot BIGINT NOT NULL,
  account_id TEXT NOT NULL UNIQUE REFERENCES accounts (id),
  exception TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (site_id, slot),
  CHECK (slot BETWEEN 1 AND 10 OR (slot > 10 AND exception <> ''))
);

CREATE TABLE shared_mailboxes (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  site_id TEXT NOT NULL UNIQUE REFERENCES sites (id),
  state TEXT NOT NULL,
  address TEXT NOT NULL UNIQUE REFERENCES addresses (canonical),
  display_name TEXT NOT NULL,
  made_at BIGINT NOT NULL
);

CREATE TABLE shared_mailbox_access (
  shared_mailbox_id TEXT NOT NULL REFERENCES shared_mailboxes (id),
  account_id TEXT NOT NULL REFERENCES accounts (id),
  access TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (shared_mailbox_id, account_id)
);
CREATE INDEX shared_mailbox_access_of_account ON shared_mailbox_access (account_id);

-- What the embedded mail engine holds, for the demo: it keeps state, it moves no mail.
CREATE TABLE embedded_mailboxes (
  id TEXT PRIMARY KEY,
  holds TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);

-- The authenticator app of an account. Its secret is derived from the service's key and `id`, never
-- stored; a new app is a new row, and only one is in force.
CREATE TABLE authenticators (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  made_at BIGINT NOT NULL,
  confirmed_at BIGINT,
  last_code_step BIGINT NOT NULL DEFAULT 0,
  replaced_at BIGINT
);
CREATE UNIQUE INDEX authenticators_one_in_force ON authenticators (account_id)
  WHERE confirmed_at IS NOT NULL AND replaced_at IS NULL;
CREATE INDEX authenticators_of_account ON authenticators (account_id);

-- Codes somebody wrote down for the day the phone is lost. Only hashes; each works once.
CREATE TABLE recovery_codes (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  hash TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  used_at BIGINT,
  PRIMARY KEY (account_id, hash)
);

-- One password for each mail program or phone. `selector` is its first part, by which it is found;
-- `hash` is SHA-256 of the whole of it, which is drawn at random and long enough for that.
CREATE TABLE app_passwords (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  selector TEXT NOT NULL,
  hash TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  last_used_at BIGINT,
  revoked_at BIGINT
);
CREATE UNIQUE INDEX app_passwords_selector ON app_passwords (account_id, selector);

-- Further addresses that lead to a mailbox: the name before a change of name, the address of the
-- site that came before. `mailbox_id` is that of an account or a shared mailbox.
CREATE TABLE aliases (
  canonical TEXT PRIMARY KEY REFERENCES addresses (canonical),
  mailbox_id TEXT NOT NULL,
  since BIGINT NOT NULL,
  because TEXT NOT NULL
);
CREATE INDEX aliases_of_mailbox ON aliases (mailbox_id);

-- Unread mail in a shared mailbox older than the alarm's age, as last looked at. Counts only.
CREATE TABLE unread_alarms (
  shared_mailbox_id TEXT PRIMARY KEY REFERENCES shared_mailboxes (id),
  unread BIGINT NOT NULL,
  looked_at BIGINT NOT NULL,
  told_at BIGINT
);

-- Differences between directory and mail engine, as the last comparison found and repaired them.
CREATE TABLE mail_differences (
  mailbox_id TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  difference TEXT NOT NULL,
  found_at BIGINT NOT NULL
);
CREATE TABLE mail_comparisons (
  id TEXT PRIMARY KEY,
  begun_at BIGINT NOT NULL,
  ended_at BIGINT,
  by_whom TEXT NOT NULL,
  mailboxes BIGINT NOT NULL DEFAULT 0,
  differences BIGINT NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT ''
);

-- Domains whose mail service is accredited for health and care information (DCB1596).
CREATE TABLE secure_domains (
  domain TEXT PRIMARY KEY,
  organisation TEXT NOT NULL,
  imported_at BIGINT NOT NULL
);

-- What people ask where a registration is not the way: a hospice, a group that wants to manage
-- itself, a site that has an account already.
CREATE TABLE enquiries (
  id TEXT PRIMARY KEY,
  reference TEXT NOT NULL UNIQUE,
  version BIGINT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  telephone TEXT NOT NULL,
  organisation TEXT NOT NULL,
  message TEXT NOT NULL,
  subject TEXT NOT NULL,
  asked_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  closed_at BIGINT,
  -- What closed it, so that closing it twice in the same way sends one answer.
  closed_once TEXT NOT NULL DEFAULT '',
  once TEXT NOT NULL UNIQUE,
  -- What somebody needs to be helped at once: who is affected, what they saw. A document.
  details TEXT NOT NULL DEFAULT '',
  claimed_by TEXT,
  -- Whose account somebody was signed in to when they wrote; empty where nobody is known to be who they say.
  account_id TEXT REFERENCES accounts (id)
);
CREATE INDEX enquiries_open ON enquiries (due_at, id) WHERE state = 'Open';

-- Whether an article of the support site helped: counts by article and day (days since 1 January
-- 1970), and nothing of whoever voted.
CREATE TABLE article_votes (
  article TEXT NOT NULL,
  day BIGINT NOT NULL,
  helpful BOOLEAN NOT NULL,
  votes BIGINT NOT NULL,
  PRIMARY KEY (article, day, helpful)
);

-- What people are told of the service. Of each component there is what the central team says and
-- what the service's own check found; people see the worse of the two.
CREATE TABLE status_components (
  component TEXT NOT NULL,
  source TEXT NOT NULL,
  health TEXT NOT NULL,
  words TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (component, source)
);
-- How it was before. Rows are only ever added.
CREATE TABLE status_changes (
  id TEXT PRIMARY KEY,
  component TEXT NOT NULL,
  source TEXT NOT NULL,
  health TEXT NOT NULL,
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
  kind TEXT NOT NULL,
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
  contacts_changed BIGINT NOT NULL,
  data_date TEXT,
  started_at BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  by_whom TEXT NOT NULL,
  report TEXT NOT NULL,
  -- Whether two people released it, so that what it closed and changed has been looked at.
  was_released BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX imports_by_kind ON imports (kind, number);

-- Imports that close or change too much, or are older than what they replace, until two people have
-- released them. The rows go when that is over.
CREATE TABLE held_imports (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  filed TEXT NOT NULL,
  file_name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  report TEXT NOT NULL,
  made_against BIGINT NOT NULL,
  held_at BIGINT NOT NULL,
  first_by TEXT,
  first_at BIGINT,
  state TEXT NOT NULL CHECK (state IN ('Waiting', 'Released', 'Discarded')),
  ended_by TEXT,
  ended_at BIGINT,
  CHECK (state <> 'Released' OR (first_by IS NOT NULL AND ended_by IS NOT NULL AND first_by <> ended_by))
);
CREATE INDEX held_imports_that_wait ON held_imports (held_at) WHERE state = 'Waiting';

CREATE TABLE held_import_rows (
  held_import_id TEXT NOT NULL REFERENCES held_imports (id),
  place BIGINT NOT NULL,
  row_key TEXT NOT NULL,
  link_one TEXT,
  link_two TEXT,
  facts TEXT NOT NULL,
  data_date TEXT,
  older_values TEXT,
  PRIMARY KEY (held_import_id, place)
);

-- `data_date` is the day of the data of a row's newest values, `older_values` the days of the others.
CREATE TABLE cqc_locations (
  location_id TEXT PRIMARY KEY,
  ods_code TEXT,
  provider_id TEXT,
  facts TEXT NOT NULL,
  data_date TEXT,
  older_values TEXT,
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
  data_date TEXT,
  older_values TEXT,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);
CREATE INDEX cqc_providers_by_ods_code ON cqc_providers (ods_code);

CREATE TABLE ods_organisations (
  code TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  parent_code TEXT,
  facts TEXT NOT NULL,
  data_date TEXT,
  older_values TEXT,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);
CREATE INDEX ods_organisations_by_parent ON ods_organisations (parent_code);

CREATE TABLE ods_successions (
  pair TEXT PRIMARY KEY,
  predecessor_code TEXT NOT NULL,
  successor_code TEXT NOT NULL,
  facts TEXT NOT NULL,
  data_date TEXT,
  older_values TEXT,
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
  data_date TEXT,
  older_values TEXT,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);

-- Contact IDs are in here only as keyed hashes.
CREATE TABLE site_contacts (
  location_id TEXT PRIMARY KEY,
  email TEXT,
  telephone TEXT,
  facts TEXT NOT NULL,
  data_date TEXT,
  older_values TEXT,
  import_number BIGINT NOT NULL REFERENCES imports (number),
  gone_from_register_at BIGINT
);
