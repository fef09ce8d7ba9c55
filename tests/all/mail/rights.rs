//! Rights live in the directory alone: what a mail program cannot change, and what somebody changed on the
//! machine is found and undone. And what one person does in a shared mailbox does not take it from others.

use super::clients::Imap;
use super::life::compare;
use super::world::{Home, MailWorld};
use carepost::directory::Access;
use std::path::PathBuf;
use std::process::Command;

const SHARED: &str = "Shared/care.vm195";

/// What Dovecot's administrator does on the machine.
fn doveadm(world: &MailWorld, arguments: &[&str]) -> String {
    let config = world.folder.join("config/dovecot/dovecot.conf");
    let output =
        Command::new("doveadm").arg("-c").arg(config).args(arguments).output().expect("doveadm is there");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn storage(world: &MailWorld, home: &Home) -> PathBuf {
    world.folder.join("storage/shared").join(&home.shared_mailbox).join("Maildir")
}

async fn refused(imap: &mut Imap, command: &str) {
    let (before, end) = imap.command(command).await;
    assert!(end.starts_with("BAD") || end.starts_with("NO"), "{command}: {before}{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_mail_program_gives_anybody_a_right() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li"), ("Cy", "Fox")]).await;
        let other = world.joins("VM200", &[("Di", "Moss")]).await;
        let [asha, bo, di] = [&home.people[0], &home.people[1], &other.people[0]];
        world.delivers(&asha.address, "For Asha alone").await;
        world.arrives(asha, "INBOX", "For Asha alone").await;
        let mut owner = world.imap(asha).await;
        let capabilities = owner.done("CAPABILITY").await;
        for word in ["ACL", "RIGHTS=", "URLAUTH", "METADATA"] {
            assert!(!capabilities.contains(word), "{capabilities}");
        }
        for folder in ["INBOX", "Sent", SHARED, "Shared/care.vm195/Sent"] {
            for who in [&bo.address, &di.address, "anyone", "authenticated"] {
                for command in ["SETACL", "DELETEACL"] {
                    refused(&mut owner, &format!("{command} \"{folder}\" {who} lrwstipekxa")).await;
                }
            }
            for command in ["GETACL", "MYRIGHTS", "LISTRIGHTS", "GENURLAUTH", "RESETKEY"] {
                refused(&mut owner, &format!("{command} \"{folder}\"")).await;
            }
            let value = "(/shared/vendor/vendor.dovecot/acl \"anyone lrwstipekxa\")";
            refused(&mut owner, &format!("SETMETADATA \"{folder}\" {value}")).await;
        }
        for person in [bo, di] {
            let mut imap = world.imap(person).await;
            for folder in ["Shared/asha.patel", "Shared/asha.patel/INBOX", "Shared/asha.patel/Sent"] {
                assert!(!imap.can_open(folder).await, "{} opens {folder}", person.address);
            }
        }
        assert!(!world.imap(di).await.can_open(SHARED).await);
        assert_eq!(compare(&world).await, (0, "nothing differed".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_lists_on_the_machine_are_read_in_every_folder_and_put_right() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let other = world.joins("VM200", &[("Di", "Moss")]).await;
        let [asha, bo, di] = [&home.people[0], &home.people[1], &other.people[0]];
        world.imap(asha).await.done(&format!("CREATE \"{SHARED}/St. Mary's\"")).await;
        assert_eq!(compare(&world).await, (0, "nothing differed".to_owned()), "it is as it should be");
        let entries = async || {
            use carepost::database::Reads;
            let sql = "SELECT subject, detail FROM audit_entries WHERE action = $1 ORDER BY id";
            let action = "access lists on the mail server put right";
            let found: Vec<(String, String)> = world.app.database.all(sql, &[&action]).await.expect("read");
            found
        };

        // A folder of an account, a folder that a shared mailbox has always had, and one that was made.
        let user = format!("user={}", di.address);
        let mut noted = 0;
        for (owner, id, folder) in [
            (&asha.address, &asha.account, "INBOX"),
            (&asha.address, &asha.account, "Sent"),
            (&home.address, &home.shared_mailbox, "INBOX"),
            (&home.address, &home.shared_mailbox, "Sent"),
            (&home.address, &home.shared_mailbox, "St. Mary's"),
        ] {
            for who in [user.as_str(), "anyone", "authenticated"] {
                doveadm(&world, &["acl", "set", "-u", owner, folder, who, "lookup", "read", "insert"]);
                if owner == &asha.address {
                    // What stands there opens nothing: nobody else is led into an account.
                    assert!(!world.imap(di).await.can_open("Shared/asha.patel").await, "{folder} {who}");
                    assert!(!world.imap(bo).await.can_open("Shared/asha.patel/Sent").await, "{folder} {who}");
                }
            }
            assert_eq!(compare(&world).await, (1, "put right".to_owned()), "{owner} {folder}");
            let says = doveadm(&world, &["acl", "get", "-u", owner, folder]);
            assert!(!says.contains("user=") && !says.contains("anyone"), "{folder}: {says}");
            assert!(!says.contains("authenticated"), "{folder}: {says}");
            let entries = entries().await;
            noted += 1;
            assert_eq!(entries.len(), noted);
            let (subject, detail) = &entries[noted - 1];
            assert_eq!(subject, id);
            assert!(detail.contains(folder) && detail.contains(&user), "{detail}");
            assert_eq!(compare(&world).await, (0, "nothing differed".to_owned()), "{owner} {folder}");
        }

        // More than their group may, and less: both are put right.
        let group = format!("group={}", home.shared_mailbox);
        for rights in [&["lookup", "read", "admin", "delete"][..], &["lookup"]] {
            let set = ["acl", "set", "-u", &home.address, "Trash", &group];
            doveadm(&world, &[&set[..], rights].concat());
            assert_eq!(compare(&world).await, (1, "put right".to_owned()), "{rights:?}");
            assert!(world.imap(bo).await.can_open("Shared/care.vm195/Trash").await);
            refused(&mut world.imap(asha).await, "DELETE \"Shared/care.vm195/Trash\"").await;
        }
        // Of a list that is gone, too.
        std::fs::remove_file(storage(&world, &home).join("dovecot-acl")).expect("removed");
        assert_eq!(compare(&world).await, (1, "put right".to_owned()));
        assert!(world.imap(bo).await.can_open(SHARED).await);
        assert_eq!(compare(&world).await, (0, "nothing differed".to_owned()));

        // Whoever is taken out stays in by no line of a list: it goes with them.
        let own = format!("user={}", bo.address);
        for folder in ["INBOX", "Sent", "St. Mary's"] {
            doveadm(&world, &["acl", "set", "-u", &home.address, folder, &own, "lookup", "read"]);
        }
        world.changes_access(&home, &bo.account, None).await;
        world.settle().await;
        let mut imap = world.imap(bo).await;
        for folder in [SHARED, "Shared/care.vm195/Sent", "Shared/care.vm195/St. Mary's"] {
            assert!(!imap.can_open(folder).await, "{folder}");
        }
        let noted = entries().await.len();
        assert_eq!(compare(&world).await, (1, "put right".to_owned()), "what was found then is told");
        let entries = entries().await;
        assert_eq!(entries.len(), noted + 1);
        assert!(entries[noted].1.contains(&own), "{entries:?}");
        assert_eq!(compare(&world).await, (0, "nothing differed".to_owned()));
        // Somebody who is switched off is out, whatever a list says.
        let asha_too = format!("user={}", asha.address);
        doveadm(&world, &["acl", "set", "-u", &home.address, "INBOX", &asha_too, "lookup", "read"]);
        world.disables(&asha.account).await;
        let (_, end) = world.imap_program().await.sign_in(&asha.address, &asha.password).await;
        assert!(end.starts_with("NO [AUTHENTICATIONFAILED]"), "{end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_takes_no_folder_of_a_shared_mailbox_from_the_others() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li"), ("Cy", "Fox")]).await;
        let [asha, bo, cy] = [&home.people[0], &home.people[1], &home.people[2]];
        let folders =
            ["", "/Sent", "/Drafts", "/Archive", "/Junk", "/Trash"].map(|end| format!("{SHARED}{end}"));
        let shown = async |person| {
            let mut imap = world.imap(person).await;
            let mut shown: Vec<String> = Vec::new();
            for command in ["LSUB \"\" \"Shared/*\"", "LIST \"\" \"Shared/*\""] {
                let listed = imap.done(command).await;
                let mut names: Vec<&str> = listed
                    .lines()
                    .filter_map(|line| line.rsplit("\"/\" ").next())
                    .map(|name| name.trim_matches('"'))
                    .collect();
                names.sort_unstable();
                shown.push(format!("{command}: {}", names.join(" ")));
            }
            shown
        };
        let all = {
            let mut names: Vec<&str> = folders.iter().map(String::as_str).collect();
            names.sort_unstable();
            names.join(" ")
        };
        let everything =
            vec![format!("LSUB \"\" \"Shared/*\": {all}"), format!("LIST \"\" \"Shared/*\": {all}")];
        for person in [asha, bo, cy] {
            assert_eq!(shown(person).await, everything, "nobody has to set anything up");
        }
        let mut member = world.imap(bo).await;
        for folder in &folders {
            refused(&mut member, &format!("DELETE \"{folder}\"")).await;
            refused(&mut member, &format!("RENAME \"{folder}\" \"{SHARED}/Mine\"")).await;
            refused(&mut member, &format!("RENAME \"{folder}\" \"Mine\"")).await;
            member.done(&format!("UNSUBSCRIBE \"{folder}\"")).await;
        }
        assert!(!member.done("LSUB \"\" \"Shared/*\"").await.contains("Sent"), "it is so for Bo");
        for person in [asha, cy] {
            assert_eq!(shown(person).await, everything, "and for nobody else");
        }
        // What a member made is no longer theirs alone; an owner may clear it away, but not what must be there.
        member.done(&format!("CREATE \"{SHARED}/Residents 2026\"")).await;
        member.done(&format!("CREATE \"{SHARED}/Archive/2025\"")).await;
        refused(&mut member, &format!("DELETE \"{SHARED}/Residents 2026\"")).await;
        refused(&mut world.imap(cy).await, &format!("RENAME \"{SHARED}/Residents 2026\" \"{SHARED}/x\""))
            .await;
        let mut owner = world.imap(asha).await;
        for folder in &folders {
            refused(&mut owner, &format!("DELETE \"{folder}\"")).await;
            refused(&mut owner, &format!("RENAME \"{folder}\" \"{SHARED}/Mine\"")).await;
        }
        owner.done(&format!("RENAME \"{SHARED}/Residents 2026\" \"{SHARED}/Residents\"")).await;
        assert!(world.imap(cy).await.can_open(&format!("{SHARED}/Residents")).await);
        owner.done(&format!("DELETE \"{SHARED}/Residents\"")).await;
        assert_eq!(compare(&world).await, (0, "nothing differed".to_owned()));

        // Who hid folders does not see them again because something else changes; who comes anew sees all.
        world.changes_access(&home, &cy.account, None).await;
        world.changes_access(&home, &cy.account, Some(Access::Owner)).await;
        world.settle().await;
        assert!(!world.imap(bo).await.done("LSUB \"\" \"Shared/*\"").await.contains("Sent"));
        world.imap(cy).await.done(&format!("CREATE \"{SHARED}/By Cy\"")).await;
        world.imap(cy).await.done(&format!("DELETE \"{SHARED}/By Cy\"")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_may_have_a_full_stop_in_its_name() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
    let [asha, bo] = [&home.people[0], &home.people[1]];
    let mut imap = world.imap(asha).await;
    for name in [
        "St. Mary's",
        "27.11.2026",
        "v1.2/Dr. Obi &- Co.",
        ".hidden",
        "..",
        "a\\\\b",
        "~home",
        "2.e",
        "St&AOk-phanie. x",
    ] {
        for folder in [name.to_owned(), format!("{SHARED}/{name}")] {
            imap.done(&format!("CREATE \"{folder}\"")).await;
            let text = "Subject: Filed\r\n\r\nHi";
            imap.done(&format!("APPEND \"{folder}\" {{{}+}}\r\n{text}", text.len())).await;
            assert_eq!(imap.find(&folder, "Filed").await.len(), 1, "{folder}");
            imap.done(&format!("SUBSCRIBE \"{folder}\"")).await;
            let listed = imap.done(&format!("LIST \"\" \"{folder}\"")).await;
            assert_eq!(listed.lines().count(), 1, "{folder}: {listed}");
        }
        assert_eq!(world.imap(bo).await.find(&format!("{SHARED}/{name}"), "Filed").await.len(), 1, "{name}");
    }
    assert!(!world.folder.join("storage/accounts/hidden").exists());
    imap.done("RENAME \"St. Mary's\" \"St. John's.\"").await;
    assert_eq!(imap.find("St. John's.", "Filed").await.len(), 1);
    imap.done("DELETE \"St. John's.\"").await;
    assert_eq!(compare(&world).await, (0, "nothing differed".to_owned()));
}
