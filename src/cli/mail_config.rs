//! `carepost mail-config`: the configuration of Postfix, Dovecot and the signer, or the DNS records of
//! the mail domain.

use super::Ended;
use crate::mail::postfix_dovecot::PostfixDovecot;
use crate::mail::postfix_dovecot::config::{self, Places};
use crate::settings::{Settings, service_key};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct MailConfig {
    /// Where the configuration is written
    #[arg(long, value_name = "FOLDER", default_value = "/etc/carepost/mail")]
    out: PathBuf,
    /// Where the mail servers keep their queue, sockets, logs and the signing key
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/carepost-mail")]
    state: PathBuf,
    /// Print the DNS records instead
    #[arg(long)]
    dns: bool,
}

impl MailConfig {
    pub async fn run(self, settings: &Settings) -> Ended {
        let absolute = |path: PathBuf| std::path::absolute(&path).map_err(|error| error.to_string());
        let places = Places { config: absolute(self.out)?, state: absolute(self.state)? };
        if self.dns {
            print!("{}", config::dns_lines(settings, &places)?);
            return Ok(ExitCode::SUCCESS);
        }
        let key = service_key(settings)?;
        // What the servers read must be there before they start.
        PostfixDovecot::open(settings, &key).await?;
        config::write(settings, &key, &places)?;
        println!("Written below {}. Look at it with:", places.config.display());
        println!("  postconf -c {}/postfix -n", places.config.display());
        println!("  doveconf -c {}/dovecot/dovecot.conf -n", places.config.display());
        Ok(ExitCode::SUCCESS)
    }
}
