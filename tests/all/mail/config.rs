//! The configuration that `carepost mail-config` writes is what the servers themselves take, without a
//! word of complaint.

use super::world::MailWorld;
use std::process::Command;

fn output(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("the program is there");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_servers_take_the_configuration() {
    for world in MailWorld::on_both_databases().await {
        let postfix = world.folder.join("config/postfix");
        let (fine, said) = output(Command::new("postconf").arg("-c").arg(&postfix).arg("-n"));
        assert!(fine && !said.contains("warning:"), "{said}");
        assert!(said.contains("smtpd_forbid_bare_newline = reject"), "{said}");
        let (fine, said) = output(Command::new("postconf").arg("-c").arg(&postfix).arg("-M"));
        assert!(fine && !said.contains("warning:") && said.contains("submission-cleanup"), "{said}");
        let (fine, said) = output(Command::new("postfix").arg("-c").arg(&postfix).arg("check"));
        assert!(fine && !said.contains("warning:"), "{said}");
        let dovecot = world.folder.join("config/dovecot/dovecot.conf");
        let (fine, said) = output(Command::new("doveconf").arg("-c").arg(&dovecot).arg("-n"));
        assert!(fine && !said.contains("Warning") && !said.contains("Error"), "{said}");
        // Nothing complained while they started and worked.
        for log in ["state/dovecot-log/log", "state/postfix/log"] {
            let text = std::fs::read_to_string(world.folder.join(log)).expect("a log");
            let complaints: Vec<&str> = text
                .lines()
                .filter(|line| {
                    ["Warning", "Error", "warning:", "fatal:", "Fatal"].iter().any(|word| line.contains(word))
                })
                // A port is asked before the guard is there to answer.
                .filter(|line| !line.contains("connect to Milter service") && !line.contains("socketmap"))
                .filter(|line| !line.contains("SSL_accept error"))
                .collect();
            assert!(complaints.is_empty(), "{log}: {complaints:#?}");
        }
        // Secrets are for their readers alone.
        for file in ["dovecot/dovecot.conf", "dovecot/sql.conf.ext", "dovecot/shared.conf.ext"] {
            let about = std::fs::metadata(world.folder.join("config").join(file)).expect("there");
            let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions());
            assert_eq!(mode & 0o007, 0, "{file} can be read by anybody");
        }
        // What the mail servers read holds nothing of registrations, nor of anybody's contacts.
        if let Some(projection) = &world.app.settings.mail_projection
            && projection.exists()
        {
            let about = std::fs::metadata(projection).expect("there");
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777, 0o640);
        }
    }
}

/// The mail servers' role sees the views and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_of_the_mail_servers_sees_nothing_else() {
    let Some(world) = MailWorld::on_both_databases().await.into_iter().nth(1) else { return };
    let address = world.app.settings.mail_database.as_ref().expect("an address").reveal().clone();
    let (client, connection) =
        tokio_postgres::connect(&address, tokio_postgres::NoTls).await.expect("connected");
    let running = tokio::spawn(connection);
    client.query("SELECT name FROM mail.recipients", &[]).await.expect("a view it reads");
    let tables = client
        .query(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables
              WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
            &[],
        )
        .await
        .expect("listed");
    let seen: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    assert!(seen.len() == 12 && seen.iter().all(|name| name.starts_with("mail.")), "{seen:?}");
    for statement in [
        "SELECT email FROM registrations",
        "SELECT personal_email FROM accounts",
        "SELECT * FROM mail_kept.passwords",
        "DELETE FROM mail.recipients",
        "CREATE TABLE mail.mine (id TEXT)",
        "CREATE TABLE mine (id TEXT)",
    ] {
        assert!(client.execute(statement, &[]).await.is_err(), "{statement}");
    }
    drop(client);
    let _ = running.await;
}
