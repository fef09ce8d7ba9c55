-- Addresses and audit entries are only ever added, whoever holds the database.
CREATE FUNCTION carepost_only_added() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME; END $$;
CREATE TRIGGER addresses_are_kept BEFORE UPDATE OR DELETE ON addresses
  FOR EACH ROW EXECUTE FUNCTION carepost_only_added();
CREATE TRIGGER audit_entries_are_kept BEFORE UPDATE OR DELETE ON audit_entries
  FOR EACH ROW EXECUTE FUNCTION carepost_only_added();
CREATE TRIGGER audit_log_is_kept BEFORE UPDATE OR DELETE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION carepost_only_added();
CREATE TRIGGER audit_checkpoints_are_kept BEFORE UPDATE OR DELETE ON audit_checkpoints
  FOR EACH ROW EXECUTE FUNCTION carepost_only_added();
CREATE TRIGGER audit_cosignatures_are_kept BEFORE UPDATE OR DELETE ON audit_cosignatures
  FOR EACH ROW EXECUTE FUNCTION carepost_only_added();
