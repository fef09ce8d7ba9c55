-- What the mail servers should hold, as provisioning last made it. Everything here can be made again
-- from the directory, so a new version of these tables replaces them; nothing is migrated. Words like
-- kinds and standings are those of the enums in `rules.rs` and `mod.rs`.

CREATE TABLE mailboxes (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  address TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  quota_bytes BIGINT NOT NULL,
  standing TEXT NOT NULL,
  -- What follows from these (`MailboxFacts`): where its mail is stored, what senders are told where it
  -- takes none, whether its holder signs in and sends, and where copies of what is sent as it go.
  folder TEXT NOT NULL,
  mail_folder TEXT NOT NULL,
  refusal TEXT,
  holder_uses_it BOOLEAN NOT NULL,
  sent_copy TEXT
);
-- Every name a mailbox answers to: its address and its aliases.
CREATE TABLE names (
  name TEXT PRIMARY KEY,
  mailbox_id TEXT NOT NULL REFERENCES mailboxes (id)
);
CREATE INDEX names_of_mailbox ON names (mailbox_id);
-- Passwords of mail programs: SHA-256 of 24 random characters, a row for each way in which they are typed.
-- The first four characters say to the service which it was.
CREATE TABLE passwords (
  mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
  selector TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (mailbox_id, hash)
);
-- Who belongs to a shared mailbox, by address (the account may come after the shared mailbox), and whether
-- they open it and send from it now.
CREATE TABLE access (
  shared_mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
  person TEXT NOT NULL,
  access TEXT NOT NULL,
  uses_it BOOLEAN NOT NULL,
  PRIMARY KEY (shared_mailbox_id, person)
);
CREATE INDEX access_of_person ON access (person);
-- Who was last signed out of everything, and by which change (`projection.revision`): a submission session that
-- was opened before it sends nothing more.
CREATE TABLE sign_outs (
  mailbox_id TEXT PRIMARY KEY,
  revision BIGINT NOT NULL
);
-- What Dovecot must still be told for this to take effect (`StepKind`). Each change has its own rows, so
-- that what was told for an earlier one never counts for a later.
CREATE TABLE steps (
  change_id TEXT NOT NULL,
  mailbox_id TEXT NOT NULL,
  step TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (mailbox_id, change_id, step, name)
);
-- What access lists on the server said that they should not, until a comparison has told of it and the
-- mailbox has been prepared again.
CREATE TABLE wrong_access (
  mailbox_id TEXT PRIMARY KEY,
  says TEXT NOT NULL,
  told BOOLEAN NOT NULL
);
-- Domains that take health and care information by an accredited service.
CREATE TABLE secure_domains (
  domain TEXT PRIMARY KEY
);
-- One row: when these tables begin they are empty, and nobody may be told that an address is nobody's
-- until everything is in them. `made` is another each time, so that whoever compared what was there before
-- never says that these are filled. `revision` counts the changes that sign somebody out, and began with
-- `first_revision` when these tables did. Until then senders and mail programs are told these words. `layout` is a
-- mark of the statements that made the tables.
CREATE TABLE projection (
  version BIGINT PRIMARY KEY,
  layout TEXT NOT NULL,
  made TEXT NOT NULL,
  filled BOOLEAN NOT NULL,
  revision BIGINT NOT NULL,
  first_revision BIGINT NOT NULL,
  secure_domains_told BOOLEAN NOT NULL,
  unfilled_reply TEXT NOT NULL,
  unfilled_words TEXT NOT NULL
);
