//! Every setting with its unit, default and meaning; read once, from a TOML file and `CAREPOST_…`
//! variables (which win). `docs/guides/settings.md` is generated from this file.

use crate::database::Address;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A value that must never reach a log, a page or an error: it has no `Debug` that shows it and no
/// `Display` at all.
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub fn new(value: T) -> Self {
        Secret(value)
    }
    /// The value itself, for the one place that needs it.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The key from which codes and links are derived and with which form tokens are made.
pub type SecretKey = Secret<[u8; 32]>;

/// How one kind of setting is read from text and shown again.
trait SettingKind: Sized {
    fn parse(text: &str) -> Result<Self, String>;
    fn show(&self) -> String;
}

impl SettingKind for String {
    fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(char::is_control) {
            Err("must be one line of text".to_owned())
        } else {
            Ok(text.to_owned())
        }
    }
    fn show(&self) -> String {
        self.clone()
    }
}

impl SettingKind for Option<String> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }
    fn show(&self) -> String {
        self.clone().unwrap_or_default()
    }
}

impl SettingKind for Option<Secret<String>> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()).map(Secret::new))
    }
    fn show(&self) -> String {
        self.as_ref().map_or_else(String::new, |_| "(set)".to_owned())
    }
}

impl SettingKind for Option<PathBuf> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty()))
    }
    fn show(&self) -> String {
        self.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

impl SettingKind for Option<SocketAddr> {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { SocketAddr::parse(text).map(Some) }
    }
    fn show(&self) -> String {
        self.map(|address| address.to_string()).unwrap_or_default()
    }
}

impl SettingKind for SocketAddr {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be an address and a port, like 127.0.0.1:8080".to_owned())
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl SettingKind for Address {
    fn parse(text: &str) -> Result<Self, String> {
        Address::parse(text)
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl SettingKind for bool {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "true" | "yes" | "on" => Ok(true),
            "false" | "no" | "off" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        }
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole_numbers {
    ($($kind:ty),+) => { $(
        impl SettingKind for $kind {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("must be a whole number from {} to {}", <$kind>::MIN.max(0), <$kind>::MAX))
            }
            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+ };
}
whole_numbers!(u8, u16, u32, i64);

/// Where a setting's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Default,
    File,
    Environment,
}

impl Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Default => "default",
            Source::File => "file",
            Source::Environment => "environment",
        })
    }
}

/// A setting as `carepost settings` prints it.
pub struct SettingRow {
    pub name: &'static str,
    pub value: String,
    pub unit: &'static str,
    pub source: Source,
    pub meaning: &'static str,
}

macro_rules! settings {
    ($( $(#[doc = $meaning:literal])+ $name:ident : $kind:ty = $default:literal, $unit:literal; )+) => {
        /// Everything that may be set. Field by field in the order of the guide.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $( $(#[doc = $meaning])+ pub $name: $kind, )+
            sources: BTreeMap<&'static str, Source>,
        }

        impl Settings {
            /// Reads settings from what a file said and what the environment says.
            ///
            /// # Errors
            /// One line for each setting that is wrong or not known, by name.
            pub fn from_texts(
                file: &BTreeMap<String, String>,
                environment: &BTreeMap<String, String>,
            ) -> Result<Self, Vec<String>> {
                let known = [$(stringify!($name)),+];
                let mut wrong = Vec::new();
                for name in file.keys().chain(environment.keys()) {
                    if !known.contains(&name.as_str()) {
                        wrong.push(format!("{name}: there is no such setting"));
                    }
                }
                let mut sources = BTreeMap::new();
                $(
                    let name = stringify!($name);
                    let (text, source) = match (environment.get(name), file.get(name)) {
                        (Some(text), _) => (text.as_str(), Source::Environment),
                        (None, Some(text)) => (text.as_str(), Source::File),
                        (None, None) => ($default, Source::Default),
                    };
                    let $name = match <$kind as SettingKind>::parse(text) {
                        Ok(value) => { sources.insert(name, source); Some(value) }
                        Err(why) => { wrong.push(format!("{name}: {why} (it is “{}”, from the {source})", if text.len() > 80 { "…" } else { text })); None }
                    };
                )+
                if !wrong.is_empty() {
                    return Err(wrong);
                }
                match ($($name,)+) {
                    ($(Some($name),)+) => Ok(Settings { $($name,)+ sources }),
                    _ => Err(wrong),
                }
            }

            /// Every setting with its value, unit and source, in order.
            pub fn lines(&self) -> Vec<SettingRow> {
                vec![$( SettingRow {
                    name: stringify!($name),
                    value: SettingKind::show(&self.$name),
                    unit: $unit,
                    source: self.sources.get(stringify!($name)).cloned().unwrap_or(Source::Default),
                    meaning: concat!($($meaning),+).trim_ascii(),
                }, )+]
            }
        }
    };
}

settings! {
    /// The database: `sqlite:PATH` or `postgres://…`.
    database: Address = "sqlite:carepost-data/carepost.db", "address";
    /// Where pages are served.
    listen: SocketAddr = "127.0.0.1:8080", "address";
    /// Where `/metrics` is served for Prometheus; empty for nowhere. Never open this to the internet.
    metrics_listen: Option<SocketAddr> = "", "address";
    /// The address people type, with scheme and without a slash at the end. Links in letters are made from it and never from what a browser sends.
    public_address: String = "http://127.0.0.1:8080", "address";
    /// A file with the 32-byte service key as 64 hexadecimal digits; empty for a file beside a SQLite database, made at first start. With PostgreSQL every node needs the same one.
    secret_file: Option<PathBuf> = "", "path";
    /// The folder for what is kept of the audit trail outside the database: its checkpoints and the key that signs them. Empty for a folder beside that of a SQLite database, with `-audit` after its name; to be set with PostgreSQL. Keep it on another disk where you can, and apart from backups of the database.
    audit_folder: Option<PathBuf> = "", "path";
    /// The file with the key that signs checkpoints of the audit trail, made at first start; empty for `key` in `audit_folder`. Every node needs the same one.
    audit_key_file: Option<PathBuf> = "", "path";
    /// Witnesses that co-sign checkpoints of the audit trail: their public keys, as `name+id+key`, with spaces between.
    audit_witnesses: String = "", "public keys";
    /// Auditors who are sent the newest checkpoint of the audit trail once a day, with spaces between; empty for nobody.
    auditor_emails: String = "", "email addresses";
    /// What the service is called on its pages.
    service_name: String = "Carepost", "text";
    /// The mail domain: addresses end in @ and this.
    mail_domain: String = "carepost.example", "domain";
    /// Where people reach the helpdesk of the central team.
    helpdesk_email: String = "helpdesk@carepost.example", "email address";
    /// The telephone number of the helpdesk.
    helpdesk_telephone: String = "01632 960 100", "telephone number";
    /// When people can reach the helpdesk by telephone, in words.
    helpdesk_hours: String = "at any hour, every day", "text";
    /// Who looks after the accounts of sites that registered one by one, with its short name in brackets.
    central_team: String = "National Administration Service (NAS)", "text";
    /// Whom people turn to where their organisation looks after its accounts itself.
    own_team: String = "your organisation’s ICT department", "text";
    /// How people reach them.
    own_team_reach: String = "the telephone number or email address your organisation gave you", "text";
    /// Where feedback and the hospice query go.
    feedback_email: String = "feedback@carepost.example", "email address";
    /// Where letters come from. Answers to them go to `helpdesk_email`.
    letter_from: String = "no-reply@carepost.example", "email address";
    /// The mail server that takes our email: `host:port`; empty to keep letters in the database without sending (the demo).
    smtp_server: Option<String> = "", "host:port";
    /// The name to sign in to the mail server with; empty for none.
    smtp_user: Option<String> = "", "text";
    /// The password to sign in to the mail server with.
    smtp_password: Option<Secret<String>> = "", "secret";
    /// How the connection to the mail server is protected: `starttls`, `tls`, or `none` (loopback only).
    smtp_security: String = "starttls", "word";
    /// The address of the gateway that turns email into text messages, with {number} for the mobile number; empty where no text messages can be sent.
    text_gateway: Option<String> = "", "email address";
    /// Letters with codes that a node hands over at once. They wait for no other work.
    letters_with_codes_at_once: u8 = "8", "letters";
    /// All other letters that a node hands over at once.
    letters_at_once: u8 = "8", "letters";
    /// Registrations that a node checks or decides at once.
    checks_at_once: u8 = "4", "registrations";
    /// Mailboxes that a node has set up at once, because somebody changed something.
    mailboxes_at_once: u8 = "32", "mailboxes";
    /// Pieces of upkeep that a node does at once: comparisons, counts of unread mail.
    upkeep_at_once: u8 = "2", "pieces of work";
    /// Pieces of work that came by the hundred or more, and that a node does at once.
    bulk_at_once: u8 = "8", "pieces of work";
    /// How long finished work stays for looking at.
    finished_work_days: u16 = "30", "days";
    /// How long the text of a letter stays after it was sent. That it was sent, to whom and when, stays.
    letter_text_days: u16 = "30", "days";
    /// Proxies in front of the service whose forwarded addresses are believed, counted from us outwards.
    trusted_proxies: u8 = "0", "proxies";
    /// Whether the service is reached by TLS, so that browsers are told to insist on it (HSTS).
    tls_in_front: bool = "false", "true or false";
    /// People named in a registration, at least.
    people_min: u8 = "2", "people";
    /// People named in a registration, at most: the accounts a site gets.
    people_max: u8 = "10", "people";
    /// Longest name of a town in the shared mailbox's display name.
    town_letters_max: u8 = "11", "letters";
    /// How long a draft waits to be continued.
    draft_days: u16 = "30", "days";
    /// How long what was answered, checked and noted is kept after a registration ended without the site
    /// joining: declined, withdrawn, stopped, expired or not eligible.
    ended_case_days: u16 = "180", "days";
    /// How long a code sent by email or text works.
    code_minutes: u16 = "10", "minutes";
    /// Wrong tries at one code before a new one is needed.
    code_tries_max: u8 = "5", "tries";
    /// Codes sent to one address or number in an hour.
    codes_an_hour_max: u16 = "5", "codes";
    /// Wrong tries at codes for one address, number or person in a day, by everybody together. A fifth of them
    /// is kept for the first tries of those who have not tried yet.
    wrong_tries_a_day_max: u16 = "50", "tries";
    /// Wrong codes, contact IDs and passwords in an hour, in the whole service, beyond which somebody is guessing:
    /// an alarm, and until the hour is over only first tries and browsers that are known pass.
    wrong_guesses_an_hour_max: u32 = "2000", "tries";
    /// Text messages the whole service sends in an hour, whoever asks for them.
    texts_an_hour_max: u32 = "5000", "texts";
    /// Registrations and enquiries begun from one network in an hour.
    starts_a_network_an_hour_max: u32 = "300", "starts";
    /// Enquiries, requests for support and feedback taken from one network in an hour.
    messages_a_network_an_hour_max: u32 = "60", "messages";
    /// The same in the name of one email address in a day.
    messages_an_address_a_day_max: u16 = "10", "messages";
    /// The same by the whole service in a day, whoever writes.
    messages_a_day_max: u32 = "5000", "messages";
    /// How long a registrant may be idle before the session ends; the draft stays.
    registrant_idle_minutes: u16 = "60", "minutes";
    /// How long a case worker may be idle.
    case_worker_idle_minutes: u16 = "30", "minutes";
    /// How long an account holder may be idle on their own pages.
    account_holder_idle_minutes: u16 = "30", "minutes";
    /// The longest any session lasts.
    session_hours_max: u16 = "12", "hours";
    /// How soon a registration is decided.
    decision_hours: u16 = "48", "hours";
    /// How soon an enquiry is answered.
    enquiry_hours: u16 = "48", "hours";
    /// Evidence of a register check older than this is read again before an approval takes effect.
    evidence_hours_max: u16 = "24", "hours";
    /// A change of owner within this many days is a high risk.
    recent_owner_days: u16 = "90", "days";
    /// Registrations sent from one browser or by one person within 30 days before a case worker looks.
    registrations_a_person_max: u16 = "5", "registrations";
    /// The lowest DSPT level at which a site may join: `approaching`, `met` or `exceeded`.
    dspt_threshold: String = "approaching", "level";
    /// How long an activation link works.
    activation_hours: u16 = "24", "hours";
    /// How long accounts wait to be activated where the registrant proved with a contact ID, which others may
    /// know: the contact that CQC has for the site can stop them, or open them at once. 0 is no wait.
    activation_wait_hours: u16 = "24", "hours";
    /// The longest an account may be disabled because its holder is away: 18 months.
    disabled_days_max: u16 = "548", "days";
    /// Room in an account's mailbox.
    account_quota_gib: u16 = "4", "GiB";
    /// Room in a shared mailbox.
    shared_mailbox_quota_gib: u16 = "50", "GiB";
    /// How long somebody has to activate a new account before it becomes inactive.
    activation_days: u16 = "30", "days";
    /// How long an account may be unused before it becomes inactive.
    unused_days: u16 = "30", "days";
    /// How long an account is inactive before it is deleted.
    inactive_days: u16 = "30", "days";
    /// How long a deleted account can be restored.
    restore_days: u16 = "30", "days";
    /// How long a leaver's account waits for the next site.
    leaver_days: u16 = "30", "days";
    /// How long a deleted shared mailbox can be restored.
    shared_mailbox_restore_days: u16 = "30", "days";
    /// After this long without sending, the owners of a shared mailbox are asked whether it is needed.
    shared_mailbox_idle_months: u8 = "6", "months";
    /// How long mail that was deleted can be brought back.
    deleted_mail_days: u16 = "180", "days";
    /// Members of a shared mailbox, at most.
    members_max: u16 = "250", "people";
    /// Owners of a shared mailbox, at most.
    owners_max: u16 = "100", "people";
    /// How soon somebody who complains hears that we have the complaint.
    complaint_working_days: u8 = "1", "working days";
    /// How soon a site is called that cannot show in another way that it may be acted for.
    call_back_working_days: u8 = "2", "working days";
    /// The day of the year by which a DSPT must be published again, in words.
    dspt_year_end: String = "30 June", "day";
    /// How much of what is open in a register one import may close or remove before two case workers must release it.
    import_closed_percent_max: u8 = "1", "%";
    /// How many of the sites with contacts one import may give other contacts before two case workers must release it.
    import_contacts_percent_max: u8 = "5", "%";
    /// A folder with articles, sections and synonyms for the support site in place of those built in; empty for those.
    words_folder: Option<PathBuf> = "", "path";
    /// How long after its last review an article of the support site is reviewed again.
    review_months: u8 = "12", "months";
    /// What holds the mailboxes: `embedded`, for trying the service out, or `postfix-dovecot`.
    mail_engine: String = "embedded", "word";
    /// The name of the mail servers, as mail programs and other mail servers reach them.
    mail_server_name: String = "mail.carepost.example", "host name";
    /// The addresses the mail servers listen on, as Postfix and Dovecot write them: `all`, or addresses with commas between.
    mail_listen: String = "all", "addresses";
    /// Where other mail servers deliver.
    smtp_port: u16 = "25", "port";
    /// Where mail programs hand in mail, encrypted from the start.
    submission_port: u16 = "465", "port";
    /// Where mail programs hand in mail that switch to encryption (STARTTLS).
    submission_starttls_port: u16 = "587", "port";
    /// Where mail programs read mail, encrypted from the start.
    imap_port: u16 = "993", "port";
    /// The file of tables that Postfix and Dovecot read, with a SQLite database; empty for `mail/mail.db` beside it. With PostgreSQL they read views in the same database.
    mail_projection: Option<PathBuf> = "", "path";
    /// With PostgreSQL: how the mail servers reach the database, as the role `carepost_mail`; `postgres://carepost_mail:PASSWORD@HOST:PORT/NAME`.
    mail_database: Option<Secret<String>> = "", "address";
    /// The folder in which Dovecot stores mail.
    mail_storage: String = "/var/mail/carepost", "path";
    /// The system user who owns stored mail, and nothing else.
    mail_user: String = "vmail", "user name";
    /// The certificate of the mail servers, with those it rests on.
    mail_certificate: String = "/etc/carepost/mail.crt", "path";
    /// The certificate's private key.
    mail_certificate_key: String = "/etc/carepost/mail.key", "path";
    /// Where Dovecot takes commands from this service. Keep it on a network of your own.
    doveadm_address: SocketAddr = "127.0.0.1:8480", "address";
    /// How long the mail servers may take for one thing that the service asks of them, at most 45. What is not answered by then is put off and asked again.
    mail_engine_deadline_seconds: u8 = "20", "seconds";
    /// Where the mail guard takes messages from Postfix.
    mail_guard_listen: SocketAddr = "127.0.0.1:8481", "address";
    /// With SQLite: where the mail guard answers what Postfix asks about addresses.
    mail_lookups_listen: SocketAddr = "127.0.0.1:8483", "address";
    /// Where this service takes reports of sign-ins from Dovecot; empty for nowhere, and then use by mail programs does not count as use. Keep it on a network of your own.
    mail_reports_listen: Option<SocketAddr> = "127.0.0.1:8482", "address";
    /// The largest message, as sent.
    message_limit_mib: u16 = "35", "MiB";
    /// Attachments that are refused, by the ending of their names: what Outlook, Exchange Online and Gmail block, documents with macros, disk images, installers and OneNote files. `docs/decisions/0027-the-guard-reads-what-readers-read.md` has the sources.
    blocked_attachments: String = "ace ade adp apk app appcontent-ms appinstaller application appref-ms appx appxbundle arj asp aspx asx bas bat bgi cab cdxml cer chm cmd cnt com cpl crt csh der desktop diagcab diagcfg diagpkg dll dmg docm dotm dqy drv ex ex_ exe fxp gadget grp hlp hpj hta htc htr htw img inf ins iqy iso isp its jar jnlp js jse ksh lib library-ms lnk mad maf mag mam maq mar mas mat mau mav maw mcf mda mdb mde mdt mdw mdz mht mhtml mjs msc msh msh1 msh1xml msh2 msh2xml mshxml msi msix msixbundle msp msrcincident mst msu nsh ocx one onepkg ops oqy osd osdx pcd pif pkg pl plg potm ppa ppam ppsm pptm prf prg printerexport ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psdm1 psm1 pssc pst py pyc pyo pyw pyz pyzw rdp reg rqy scf scr sct search-ms searchconnector-ms settingcontent-ms sh shb shs sldm slk sys theme themepack tmp udl url vb vbe vbp vbs vhd vhdx vmdk vsmacros vsw vxd webpnp website wim wll ws wsb wsc wsf wsh xbap xla xlam xll xlsm xltm xnk", "endings";
    /// How connections to accredited secure domains are protected: `encrypt` (never in the clear), `verify` (and the certificate is checked) or `may` (as anywhere else).
    secure_domain_tls: String = "encrypt", "word";
    /// The name under which the key for signing mail (DKIM) is published.
    dkim_selector: String = "carepost", "word";
    /// Unread mail in a shared mailbox alarms its owners when it is older than this.
    unread_alarm_days: u16 = "2", "working days";
    /// Whether CQC is asked at once when the imported register does not know a location.
    cqc_live: bool = "false", "true or false";
    /// The key for CQC's API.
    cqc_key: Option<Secret<String>> = "", "secret";
    /// Whether ODS is asked at once when the imported register does not know a code.
    ods_live: bool = "false", "true or false";
    /// The key for the ODS API.
    ods_key: Option<Secret<String>> = "", "secret";
    /// How logs are written: `text` or `json`.
    log_format: String = "text", "word";
    /// What is logged: `error`, `warn`, `info` or `debug`.
    log_level: String = "info", "word";
}

impl Settings {
    /// Settings with nothing set.
    ///
    /// # Errors
    /// Never, unless a default above is wrong; a test sees to that.
    pub fn defaults() -> Result<Self, Vec<String>> {
        Self::from_texts(&BTreeMap::new(), &BTreeMap::new())
    }

    /// Reads a TOML file, where there is one, and the environment.
    ///
    /// # Errors
    /// A line for each setting that is wrong, by name.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn read(file: Option<&Path>) -> Result<Self, Vec<String>> {
        let mut from_file = BTreeMap::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| vec![format!("{}: {error}", path.display())])?;
            let table: toml::Table =
                text.parse().map_err(|error| vec![format!("{}: {error}", path.display())])?;
            for (name, value) in table {
                let text = match value {
                    toml::Value::String(text) => text,
                    toml::Value::Integer(number) => number.to_string(),
                    toml::Value::Boolean(yes) => yes.to_string(),
                    toml::Value::Float(_)
                    | toml::Value::Datetime(_)
                    | toml::Value::Array(_)
                    | toml::Value::Table(_) => {
                        return Err(vec![format!("{name}: must be text, a whole number, or true or false")]);
                    }
                };
                from_file.insert(name, text);
            }
        }
        let environment: BTreeMap<String, String> = std::env::vars()
            .filter_map(|(name, value)| {
                let name = name.strip_prefix("CAREPOST_")?.to_ascii_lowercase();
                // These belong to the build and the test run, not to the service.
                (!name.starts_with("test_") && !name.starts_with("assets_") && !name.starts_with("nhsuk_"))
                    .then_some((name, value))
            })
            .collect();
        let settings = Self::from_texts(&from_file, &environment)?;
        settings.agree().map(|()| settings)
    }

    /// What single settings cannot see of each other.
    fn agree(&self) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        let mut refuse = |bad: bool, words: &str| {
            if bad {
                wrong.push(words.to_owned());
            }
        };
        refuse(
            self.people_min == 0 || self.people_min > self.people_max,
            "people_min: must be from 1 to people_max",
        );
        refuse(
            self.people_max > 10,
            "people_max: a site has ten places for accounts; more need an exception for each site",
        );
        refuse(
            !(self.public_address.starts_with("http://") || self.public_address.starts_with("https://"))
                || self.public_address.ends_with('/'),
            "public_address: must begin http:// or https:// and not end in a slash",
        );
        refuse(
            self.tls_in_front && self.public_address.starts_with("http://"),
            "public_address: must begin https:// when tls_in_front is true",
        );
        refuse(
            !["starttls", "tls", "none"].contains(&self.smtp_security.as_str()),
            "smtp_security: must be starttls, tls or none",
        );
        refuse(!["text", "json"].contains(&self.log_format.as_str()), "log_format: must be text or json");
        refuse(
            !["approaching", "met", "exceeded"].contains(&self.dspt_threshold.as_str()),
            "dspt_threshold: must be approaching, met or exceeded",
        );
        refuse(self.cqc_live && self.cqc_key.is_none(), "cqc_key: must be set when cqc_live is true");
        refuse(self.ods_live && self.ods_key.is_none(), "ods_key: must be set when ods_live is true");
        refuse(
            self.text_gateway.as_ref().is_some_and(|gateway| !gateway.contains("{number}")),
            "text_gateway: must contain {number}",
        );
        refuse(
            !self.mail_domain.contains('.')
                || !self
                    .mail_domain
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte)),
            "mail_domain: must be a domain in small letters, digits, hyphens and dots",
        );
        let letters_domain = self.letter_from.rsplit('@').next().unwrap_or("").trim_end_matches('>');
        let is_ours =
            letters_domain == self.mail_domain || letters_domain.ends_with(&format!(".{}", self.mail_domain));
        refuse(
            self.mail_engine == "postfix-dovecot" && self.smtp_server.is_some() && is_ours,
            "letter_from: must not be of mail_domain nor below it: the mail servers take mail from there only from people who have signed in",
        );
        refuse(
            !(1..=45).contains(&self.mail_engine_deadline_seconds),
            "mail_engine_deadline_seconds: must be from 1 to 45",
        );
        refuse(self.code_minutes == 0 || self.code_minutes > 10, "code_minutes: must be from 1 to 10");
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// The folder for what is kept of the audit trail outside the database.
    ///
    /// # Errors
    /// In words, where it must be set.
    pub fn audit_folder(&self) -> Result<PathBuf, String> {
        match (&self.audit_folder, &self.database) {
            (Some(folder), _) => Ok(folder.clone()),
            (None, Address::Sqlite(path)) => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                let mut name = folder.unwrap_or(Path::new("carepost")).as_os_str().to_owned();
                name.push("-audit");
                Ok(name.into())
            }
            (None, Address::Postgres(_)) => Err(
                "audit_folder: must be set when the database is PostgreSQL: a folder for checkpoints of the audit \
                 trail and the key that signs them"
                    .to_owned(),
            ),
        }
    }

    /// The guide to every setting, as Markdown.
    pub fn guide() -> String {
        let mut text = String::from(
            "# Settings\n\nEvery setting may stand in the TOML file named by `--settings` or in the environment as\n\
             `CAREPOST_` and its name in capitals; the environment wins. A wrong or unknown setting is refused\n\
             by name at start. `carepost settings` prints what is in force. This page is made from\n\
             `src/settings.rs`.\n\n| setting | default | unit | meaning |\n|---|---|---|---|\n",
        );
        if let Ok(settings) = Self::defaults() {
            for line in settings.lines() {
                let value = if line.value.is_empty() { "(none)" } else { &line.value };
                text.push_str(&format!(
                    "| `{}` | `{}` | {} | {} |\n",
                    line.name, value, line.unit, line.meaning
                ));
            }
        }
        text
    }
}

/// Reads the service key, making the file at first start when the database is a SQLite file.
///
/// # Errors
/// Words for the operator.
pub fn service_key(settings: &Settings) -> Result<SecretKey, String> {
    let path = match (&settings.secret_file, &settings.database) {
        (Some(path), _) => path.clone(),
        (None, Address::Sqlite(path)) => path.with_extension("key"),
        (None, Address::Postgres(_)) => {
            return Err(
                "secret_file: must be set when the database is PostgreSQL, and be the same on every node"
                    .to_owned(),
            );
        }
    };
    if !path.exists() && settings.secret_file.is_none() {
        write_key(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    key_from_hex(text.trim()).ok_or_else(|| format!("{}: must hold 64 hexadecimal digits", path.display()))
}

fn write_key(path: &Path) -> std::io::Result<()> {
    use std::io::Write;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{}", crate::id::new_token())?;
    file.sync_all()
}

fn key_from_hex(text: &str) -> Option<SecretKey> {
    let bytes = text.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    let mut key = [0_u8; 32];
    for (place, pair) in key.iter_mut().zip(bytes.chunks_exact(2)) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Secret::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Settings, Vec<String>> {
        let settings =
            Settings::from_texts(&BTreeMap::new(), &BTreeMap::from([(name.to_owned(), value.to_owned())]))?;
        settings.agree().map(|()| settings)
    }

    #[test]
    fn the_defaults_are_right() {
        let settings = Settings::defaults().expect("defaults parse");
        assert_eq!(settings.agree(), Ok(()));
        assert_eq!((settings.people_min, settings.people_max), (2, 10));
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        for (name, value) in [
            ("listen", "everywhere"),
            ("people_min", "0"),
            ("people_max", "eleven"),
            ("people_max", "11"),
            ("database", "mysql://x"),
            ("public_address", "carepost.example"),
            ("smtp_security", "maybe"),
            ("code_minutes", "60"),
            ("no_such_setting", "1"),
            ("text_gateway", "sms@example.com"),
            ("cqc_live", "true"),
        ] {
            let refused = with(name, value).expect_err(name);
            let expected = if name == "cqc_live" { "cqc_key" } else { name };
            assert!(refused.iter().any(|line| line.starts_with(expected)), "{name}: {refused:?}");
        }
    }

    #[test]
    fn letters_come_from_elsewhere_than_the_mailboxes() {
        let with_mail_servers = |letter_from: &str| {
            let texts = [
                ("mail_engine", "postfix-dovecot"),
                ("smtp_server", "relay.example:587"),
                ("letter_from", letter_from),
            ];
            let texts = texts.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            Settings::from_texts(&texts, &BTreeMap::new()).expect("settings").agree()
        };
        for bad in ["no-reply@carepost.example", "no-reply@register.carepost.example"] {
            let refused = with_mail_servers(bad).expect_err(bad);
            assert!(refused[0].starts_with("letter_from"), "{refused:?}");
        }
        assert_eq!(with_mail_servers("no-reply@register.example"), Ok(()));
        assert_eq!(with_mail_servers("no-reply@mycarepost.example"), Ok(()));
    }

    #[test]
    fn a_secret_never_shows() {
        let settings = with("smtp_password", "hunter2").expect("set");
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(settings.lines().iter().all(|line| !line.value.contains("hunter2")));
    }
}
