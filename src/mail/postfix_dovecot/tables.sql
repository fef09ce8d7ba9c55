-- What the mail servers should hold, as provisioning last made it. Everything here can be made again
-- from the directory, so a new version of these tables replaces them; nothing is migrated.

CREATE TABLE mailboxes (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('Account', 'SharedMailbox')),
  address TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  quota_bytes BIGINT NOT NULL,
  standing TEXT NOT NULL CHECK (standing IN ('Open', 'NotActivated', 'Inactive', 'Disabled', 'Leaver', 'Deleted'))
);
-- Every name a mailbox answers to: its address and its aliases.
CREATE TABLE names (
  name TEXT PRIMARY KEY,
  mailbox_id TEXT NOT NULL REFERENCES mailboxes (id)
);
CREATE INDEX names_of_mailbox ON names (mailbox_id);
-- Passwords of mail programs: SHA-256 of 24 random characters, found by the first four.
CREATE TABLE passwords (
  mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
  selector TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (mailbox_id, selector)
);
-- Who may open a shared mailbox, by address: the account may come after the shared mailbox.
CREATE TABLE access (
  shared_mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
  person TEXT NOT NULL,
  access TEXT NOT NULL CHECK (access IN ('Owner', 'Member')),
  PRIMARY KEY (shared_mailbox_id, person)
);
CREATE INDEX access_of_person ON access (person);
-- What the servers must still be told for this to take effect: to forget what they remember of a
-- name, to end its sessions, to prepare or remove storage. Each change has its own rows, so that
-- what was told for an earlier one never counts for a later.
CREATE TABLE steps (
  change_id TEXT NOT NULL,
  mailbox_id TEXT NOT NULL,
  step TEXT NOT NULL CHECK (step IN ('Prepare', 'Forget', 'EndSessions', 'RemoveStorage')),
  name TEXT NOT NULL,
  PRIMARY KEY (mailbox_id, change_id, step, name)
);
-- Domains that take health and care information by an accredited service.
CREATE TABLE secure_domains (
  domain TEXT PRIMARY KEY
);
-- One row: when these tables are made they are empty, and nobody may be told that an address is nobody's
-- until everything is in them. `made` is another each time, so that whoever compared the tables before
-- these never says that these are filled.
CREATE TABLE projection (
  version BIGINT PRIMARY KEY,
  made TEXT NOT NULL,
  filled BOOLEAN NOT NULL,
  secure_domains_told BOOLEAN NOT NULL
);
