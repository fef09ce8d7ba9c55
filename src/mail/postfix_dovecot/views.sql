-- What the mail servers read. JOINED is group_concat or string_agg.

-- Somebody signs in with a mail program. One row an app password.
CREATE VIEW sign_ins AS
  SELECT names.name, mailboxes.id, mailboxes.address, mailboxes.quota_bytes, passwords.selector, passwords.hash,
         (SELECT JOINED(access.shared_mailbox_id, ',') FROM access WHERE access.person = mailboxes.address) AS groups
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
    JOIN passwords ON passwords.mailbox_id = mailboxes.id
   WHERE mailboxes.kind = 'Account' AND mailboxes.standing = 'Open';

-- Where mail for a name is stored. Mail accepted before a mailbox was closed is still stored.
CREATE VIEW users AS
  SELECT names.name, mailboxes.id, mailboxes.address, mailboxes.quota_bytes,
         CASE mailboxes.kind WHEN 'Account' THEN 'accounts/' ELSE 'shared/' END || mailboxes.id AS folder,
         (SELECT JOINED(access.shared_mailbox_id, ',') FROM access WHERE access.person = mailboxes.address) AS groups
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id;

-- Which shared mailboxes somebody sees.
CREATE VIEW visible AS
  SELECT access.person, mailboxes.address AS shared_mailbox, '1' AS yes
    FROM access
    JOIN mailboxes ON mailboxes.id = access.shared_mailbox_id
   WHERE mailboxes.standing = 'Open';

-- Nobody sees a mailbox because everybody does, or because a group does.
CREATE VIEW visible_otherwise AS
  SELECT '' AS person, '' AS shared_mailbox, '' AS yes FROM projection WHERE version < 0;

-- Addresses that take mail.
CREATE VIEW recipients AS
  SELECT names.name, mailboxes.address
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
   WHERE mailboxes.standing = 'Open';

-- What senders to the others are told. RFC 3463: 5.2.1 is a mailbox that takes no mail, 5.1.1 one
-- that is not there.
CREATE VIEW refusals AS
  SELECT names.name,
         CASE mailboxes.standing
           WHEN 'NotActivated' THEN '550 5.2.1 This mailbox has not been opened by its holder yet'
           WHEN 'Inactive' THEN '550 5.2.1 This mailbox is not in use at present, so nobody would read your message'
           WHEN 'Disabled' THEN '550 5.2.1 This mailbox is switched off, so nobody would read your message'
           WHEN 'Leaver' THEN '550 5.2.1 The holder of this mailbox has left and does not read it'
           ELSE '550 5.1.1 This mailbox is no longer there'
         END AS answer
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
   WHERE mailboxes.standing <> 'Open';

-- Who may send from an address: its holder, or whoever may open the shared mailbox.
CREATE VIEW senders AS
  SELECT names.name, mailboxes.address AS login, mailboxes.id AS account_id, '' AS sent_copy
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
   WHERE mailboxes.kind = 'Account' AND mailboxes.standing = 'Open'
  UNION ALL
  SELECT names.name, persons.address AS login, persons.id AS account_id,
         replace(mailboxes.address, '@', '+sent@') AS sent_copy
    FROM names
    JOIN mailboxes ON mailboxes.id = names.mailbox_id
    JOIN access ON access.shared_mailbox_id = mailboxes.id
    JOIN mailboxes persons ON persons.address = access.person AND persons.kind = 'Account'
   WHERE mailboxes.kind = 'SharedMailbox' AND mailboxes.standing = 'Open' AND persons.standing = 'Open';

-- Domains that take part in secure email.
CREATE VIEW enforced_domains AS
  SELECT domain FROM secure_domains;

-- A row while these are not known yet: until then every domain may be one.
CREATE VIEW enforced_for_now AS
  SELECT version FROM projection WHERE NOT secure_domains_told;

-- A row until everything is here that should be. A name that is not here may then be somebody's: Postfix
-- answers with these words. Dovecot knows only "nobody" and "ask again", and says the second when its
-- query fails: it asks for the absolute value of the smallest number there is, which neither database
-- can say. (It depends on a column, so that nobody works it out beforehand.)
CREATE VIEW unfilled AS
  SELECT '451 4.3.2 The list of our addresses is being made again; please try again later' AS answer,
         -9223372036854775807 - CASE WHEN filled THEN 0 ELSE 1 END AS smallest
    FROM projection WHERE NOT filled;
