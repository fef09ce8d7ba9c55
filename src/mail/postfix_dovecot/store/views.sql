-- What the mail servers read: facts that were decided in `rules.rs`, picked out and joined. JOINED is
-- group_concat or string_agg.

-- Somebody signs in with a mail program. One row for each way in which an app password
-- is typed.
CREATE VIEW sign_ins AS
  SELECT names.name, mailboxes.id, mailboxes.address, mailboxes.quota_bytes, mailboxes.folder,
         mailboxes.mail_folder, passwords.selector, passwords.hash,
         (SELECT JOINED(access.shared_mailbox_id
                        || CASE access.access WHEN 'Owner' THEN ',' || access.shared_mailbox_id || '-owners'
                                              ELSE '' END, ',') FROM access
           WHERE access.person = mailboxes.address AND access.uses_it) AS groups
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
    JOIN passwords ON passwords.mailbox_id = mailboxes.id
   WHERE mailboxes.holder_uses_it;

-- Where mail for a name is stored. Mail accepted before a mailbox was closed is still stored.
CREATE VIEW users AS
  SELECT names.name, mailboxes.id, mailboxes.address, mailboxes.quota_bytes, mailboxes.folder,
         mailboxes.mail_folder,
         CASE mailboxes.kind WHEN 'SharedMailbox' THEN mailboxes.quota_bytes END AS shared_quota_bytes,
         (SELECT JOINED(access.shared_mailbox_id
                        || CASE access.access WHEN 'Owner' THEN ',' || access.shared_mailbox_id || '-owners'
                                              ELSE '' END, ',') FROM access
           WHERE access.person = mailboxes.address AND access.uses_it) AS groups
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id;

-- Which shared mailboxes somebody sees.
CREATE VIEW visible AS
  SELECT access.person, mailboxes.address AS shared_mailbox, '1' AS yes
    FROM access
    JOIN mailboxes ON mailboxes.id = access.shared_mailbox_id
   WHERE access.uses_it;

-- Nobody sees a mailbox because everybody does, or because a group does.
CREATE VIEW visible_otherwise AS
  SELECT '' AS person, '' AS shared_mailbox, '' AS yes FROM projection WHERE version < 0;

-- Addresses that take mail.
CREATE VIEW recipients AS
  SELECT names.name, mailboxes.address
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
   WHERE mailboxes.refusal IS NULL;

-- What senders to the others are told.
CREATE VIEW refusals AS
  SELECT names.name, mailboxes.refusal AS answer
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
   WHERE mailboxes.refusal IS NOT NULL;

-- Who may send from an address: its holder, or whoever uses the shared mailbox.
CREATE VIEW senders AS
  SELECT names.name, mailboxes.address AS login, mailboxes.id AS account_id, mailboxes.sent_copy
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
   WHERE mailboxes.holder_uses_it
  UNION ALL
  SELECT names.name, persons.address AS login, persons.id AS account_id, mailboxes.sent_copy
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
    JOIN access ON access.shared_mailbox_id = mailboxes.id
    JOIN mailboxes persons ON persons.address = access.person
   WHERE access.uses_it AND persons.holder_uses_it;

-- A submission session notes the revision when it is opened. It counts while it is not older than the tables, nor
-- than the last change that signed its holder out.
CREATE VIEW revisions AS
  SELECT revision, first_revision FROM projection;

CREATE VIEW signed_out AS
  SELECT mailboxes.address AS login, sign_outs.revision
    FROM sign_outs
    JOIN mailboxes ON mailboxes.id = sign_outs.mailbox_id;

-- Domains that take part in secure email.
CREATE VIEW enforced_domains AS
  SELECT domain FROM secure_domains;

-- A row while these are not known yet: until then every domain may be one.
CREATE VIEW enforced_for_now AS
  SELECT version FROM projection WHERE NOT secure_domains_told;

-- A row until everything is here that should be: a name that is not here may then be somebody's. Whoever
-- asks for one is answered with this row. A query that failed would cost the servers their connection
-- to the database, and everybody would wait for them.
CREATE VIEW unfilled AS
  SELECT unfilled_reply AS reply, unfilled_words AS words FROM projection WHERE NOT filled;
