-- Addresses and audit entries are only ever added, whoever holds the database.
CREATE TRIGGER addresses_stay BEFORE UPDATE ON addresses
  BEGIN SELECT RAISE(ABORT, 'an address is never changed'); END;
CREATE TRIGGER addresses_are_kept BEFORE DELETE ON addresses
  BEGIN SELECT RAISE(ABORT, 'an address is never removed'); END;
CREATE TRIGGER audit_entries_stay BEFORE UPDATE ON audit_entries
  BEGIN SELECT RAISE(ABORT, 'an audit entry is never changed'); END;
CREATE TRIGGER audit_entries_are_kept BEFORE DELETE ON audit_entries
  BEGIN SELECT RAISE(ABORT, 'an audit entry is never removed'); END;
CREATE TRIGGER audit_chain_stays BEFORE UPDATE ON audit_chain
  BEGIN SELECT RAISE(ABORT, 'the audit chain is never changed'); END;
CREATE TRIGGER audit_chain_is_kept BEFORE DELETE ON audit_chain
  BEGIN SELECT RAISE(ABORT, 'the audit chain is never cut'); END;
