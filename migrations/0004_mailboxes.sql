-- Account holders sign in, mail programs sign in, mailboxes follow the directory.

-- Sessions know account holders: half way through signing in, about to set up their authenticator
-- app, and signed in.
CREATE TABLE sessions_next (
  token_hash TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN
    ('Registrant', 'StatusReader', 'HalfSignedIn', 'CaseWorker', 'Activating', 'HolderHalfSignedIn', 'SettingUpApp', 'AccountHolder')),
  subject TEXT NOT NULL,
  masked BOOLEAN NOT NULL DEFAULT FALSE,
  started_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  PRIMARY KEY (token_hash, kind)
);
INSERT INTO sessions_next SELECT token_hash, kind, subject, masked, started_at, seen_at, ends_at FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_next RENAME TO sessions;
CREATE INDEX sessions_of_subject ON sessions (subject);
CREATE INDEX sessions_end ON sessions (ends_at);

-- When an account came into its present state, why where a person moved it, and when it was last
-- used: a sign-in on the pages, a mail program that opened the mailbox, a message sent.
ALTER TABLE accounts ADD COLUMN state_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN state_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN last_used_at BIGINT;

-- The name of a site in plain lower-case words, for searching. Names of new sites are made plain by
-- the program, which knows letters beyond A to Z; those that are here already have few of them.
ALTER TABLE sites ADD COLUMN name_plain TEXT NOT NULL DEFAULT '';
UPDATE sites SET name_plain = LOWER(name);

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

-- The embedded engine knows mailboxes by their identifier: an address may change, storage may not
-- follow it. What it held under addresses is made again under identifiers by the next comparison.
ALTER TABLE embedded_mailboxes RENAME COLUMN address TO id;
