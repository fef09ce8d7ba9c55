//! What mail programs must know, in the three forms in which they ask for it: Mozilla's autoconfig,
//! Microsoft's autodiscover, Apple's configuration profile. None carries a password, and none says
//! whether an address exists: any address of our domain gets the same answer.

use crate::settings::Settings;
use crate::web::xml::escaped;
use sha2::{Digest, Sha256};

/// The servers and ports, from the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSettings {
    pub service: String,
    pub domain: String,
    pub server: String,
    pub imap_port: u16,
    pub submission_port: u16,
}

impl MailSettings {
    pub fn of(settings: &Settings) -> Self {
        MailSettings {
            service: settings.service_name.clone(),
            domain: settings.mail_domain.clone(),
            server: settings.mail_server_name.clone(),
            imap_port: settings.imap_port,
            submission_port: settings.submission_port,
        }
    }

    /// Whether an address, or a domain, is ours.
    pub fn is_ours(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
        domain.trim().eq_ignore_ascii_case(&self.domain)
    }
}

/// Mozilla's format, version 1.1 (<https://www.bucksch.org/1/projects/thunderbird/autoconfiguration/config-file-format.html>).
/// The placeholder in the user name is filled in by the program.
pub fn autoconfig(settings: &MailSettings) -> String {
    let (domain, service, server) =
        (escaped(&settings.domain), escaped(&settings.service), escaped(&settings.server));
    let (imap, submission) = (settings.imap_port, settings.submission_port);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="{domain}">
    <domain>{domain}</domain>
    <displayName>{service}</displayName>
    <displayShortName>{service}</displayShortName>
    <incomingServer type="imap">
      <hostname>{server}</hostname>
      <port>{imap}</port>
      <socketType>SSL</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>{server}</hostname>
      <port>{submission}</port>
      <socketType>SSL</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </outgoingServer>
  </emailProvider>
</clientConfig>
"#
    )
}

/// The address in a request of Outlook's: the text of its `EMailAddress` element.
///
/// A request is a dozen lines of a fixed form (MS-OXDSCLI, section 4.1); whatever is not of that form
/// has no address. Nothing is expanded and no entity is looked up.
pub fn autodiscover_address(request: &str) -> Option<String> {
    let (_, rest) = request.split_once("<EMailAddress>")?;
    let (address, _) = rest.split_once("</EMailAddress>")?;
    let address = address.trim();
    let fits = address.len() <= 254
        && address.contains('@')
        && !address
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control() || "<>&".contains(letter));
    fits.then(|| address.to_owned())
}

/// What Outlook is answered (MS-OXDSCLI, section 4.1.2: POX, the response schema of Outlook).
pub fn autodiscover(settings: &MailSettings, address: &str) -> String {
    let (server, address) = (escaped(&settings.server), escaped(address));
    let protocol = |kind: &str, port: u16| {
        format!(
            "      <Protocol>
        <Type>{kind}</Type>
        <Server>{server}</Server>
        <Port>{port}</Port>
        <LoginName>{address}</LoginName>
        <DomainRequired>off</DomainRequired>
        <SPA>off</SPA>
        <SSL>on</SSL>
        <AuthRequired>on</AuthRequired>
      </Protocol>
"
        )
    };
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
  <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
    <Account>
      <AccountType>email</AccountType>
      <Action>settings</Action>
{}{}    </Account>
  </Response>
</Autodiscover>
"#,
        protocol("IMAP", settings.imap_port),
        protocol("SMTP", settings.submission_port)
    )
}

/// What newer versions of Outlook are answered (MS-OXDISCO and its JSON form): where the protocol that they ask
/// for speaks. We have the form in XML alone.
pub fn autodiscover_json(public_address: &str, protocol: &str) -> (bool, serde_json::Value) {
    if protocol.eq_ignore_ascii_case("AutodiscoverV1") {
        let url = format!("{}/autodiscover/autodiscover.xml", public_address.trim_end_matches('/'));
        return (true, serde_json::json!({ "Protocol": "AutodiscoverV1", "Url": url }));
    }
    let words = format!(
        "The only protocol of this service is AutodiscoverV1, for IMAP and SMTP, and not {protocol}."
    );
    (false, serde_json::json!({ "ErrorCode": "InvalidProtocol", "ErrorMessage": words }))
}

/// What Outlook is told where there is nothing for it: error 600, an invalid request, whatever the
/// reason.
pub fn autodiscover_refusal() -> String {
    r#"<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
  <Response>
    <Error>
      <ErrorCode>600</ErrorCode>
      <Message>Invalid Request</Message>
      <DebugData />
    </Error>
  </Response>
</Autodiscover>
"#
    .to_owned()
}

/// An identifier that is always the same for the same thing, so that a profile that is installed
/// again replaces the one before (UUID version 8, RFC 9562, section 5.8).
fn lasting_id(what: &str, account: &str, domain: &str) -> String {
    let hash = Sha256::digest(format!("{what} {account} {domain}").as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string().to_uppercase()
}

/// Apple's configuration profile with one mail account and no password
/// (<https://developer.apple.com/documentation/devicemanagement/mail>).
pub fn apple_profile(settings: &MailSettings, account: &str, name: &str, address: &str) -> String {
    let (service, server) = (escaped(&settings.service), escaped(&settings.server));
    let (name, address) = (escaped(name), escaped(address));
    let reversed: Vec<&str> = settings.domain.rsplit('.').collect();
    // A profile replaces the one that has its identifier, so each account has its own.
    let identifier = escaped(&format!("{}.{account}", reversed.join(".")));
    let (profile_id, mail_id) =
        (lasting_id("profile", account, &settings.domain), lasting_id("mail", account, &settings.domain));
    let (imap, submission) = (settings.imap_port, settings.submission_port);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>EmailAccountDescription</key><string>{service}</string>
      <key>EmailAccountName</key><string>{name}</string>
      <key>EmailAccountType</key><string>EmailTypeIMAP</string>
      <key>EmailAddress</key><string>{address}</string>
      <key>IncomingMailServerAuthentication</key><string>EmailAuthPassword</string>
      <key>IncomingMailServerHostName</key><string>{server}</string>
      <key>IncomingMailServerPortNumber</key><integer>{imap}</integer>
      <key>IncomingMailServerUseSSL</key><true/>
      <key>IncomingMailServerUsername</key><string>{address}</string>
      <key>OutgoingMailServerAuthentication</key><string>EmailAuthPassword</string>
      <key>OutgoingMailServerHostName</key><string>{server}</string>
      <key>OutgoingMailServerPortNumber</key><integer>{submission}</integer>
      <key>OutgoingMailServerUseSSL</key><true/>
      <key>OutgoingMailServerUsername</key><string>{address}</string>
      <key>OutgoingPasswordSameAsIncomingPassword</key><true/>
      <key>PayloadDisplayName</key><string>{service}</string>
      <key>PayloadIdentifier</key><string>{identifier}.mail</string>
      <key>PayloadType</key><string>com.apple.mail.managed</string>
      <key>PayloadUUID</key><string>{mail_id}</string>
      <key>PayloadVersion</key><integer>1</integer>
    </dict>
  </array>
  <key>PayloadDescription</key><string>Sets up your mailbox {address}. You type the app password yourself.</string>
  <key>PayloadDisplayName</key><string>{service}</string>
  <key>PayloadIdentifier</key><string>{identifier}</string>
  <key>PayloadOrganization</key><string>{service}</string>
  <key>PayloadRemovalDisallowed</key><false/>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadUUID</key><string>{profile_id}</string>
  <key>PayloadVersion</key><integer>1</integer>
</dict>
</plist>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> MailSettings {
        MailSettings {
            service: "Care & Post <\"Care'>".to_owned(),
            domain: "carepost.example".to_owned(),
            server: "mail.carepost.example".to_owned(),
            imap_port: 993,
            submission_port: 465,
        }
    }

    #[test]
    fn profiles_escape_what_is_not_xml() {
        for text in [
            autoconfig(&settings()),
            autodiscover(&settings(), "<amy&bo>@carepost.example"),
            apple_profile(&settings(), "account", "Amy <O'Brien> & Co", "amy@carepost.example"),
        ] {
            assert!(!text.contains("<\"Care") && !text.contains("& ") && !text.contains("<O'"), "{text}");
            assert!(text.contains("mail.carepost.example") && text.contains("993") && text.contains("465"));
        }
    }

    #[test]
    fn only_our_domain_is_ours() {
        let settings = settings();
        for ours in
            ["amy@carepost.example", "AMY@CarePost.Example", "carepost.example", "a@b@carepost.example"]
        {
            assert!(settings.is_ours(ours), "{ours}");
        }
        for other in
            ["", "amy@other.example", "carepost.example@other.example", "amy@xcarepost.example", "amy@"]
        {
            assert!(!settings.is_ours(other), "{other}");
        }
    }

    #[test]
    fn the_address_of_a_request_is_found_and_nothing_else_is_believed() {
        let request = |inside: &str| {
            format!(
                "<?xml version=\"1.0\"?><Autodiscover><Request><EMailAddress>{inside}</EMailAddress></Request></Autodiscover>"
            )
        };
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(autodiscover_address(text).as_deref(), expect, "{text}");
        };
        check(&request(" amy@carepost.example "), Some("amy@carepost.example"));
        check(&request("amy"), None);
        check(&request("&xxe;@carepost.example"), None);
        check(&request("a b@carepost.example"), None);
        check(&request(&format!("{}@carepost.example", "a".repeat(300))), None);
        check("<EMailAddress>amy@carepost.example", None);
        check("", None);
    }

    #[test]
    fn a_profile_that_is_installed_again_replaces_the_first() {
        let made = |account: &str| apple_profile(&settings(), account, "Amy", "amy@carepost.example");
        assert_eq!(made("one"), made("one"));
        let ids = |account: &str| -> Vec<String> {
            let text = made(account);
            let lines = text
                .lines()
                .filter(|line| line.contains("PayloadIdentifier") || line.contains("PayloadUUID"));
            lines.map(|line| line.trim().to_owned()).collect()
        };
        let (one, two) = (ids("one"), ids("two"));
        assert_eq!(one.len(), 4);
        assert!(one.iter().all(|id| !two.contains(id)), "{one:?} {two:?}");
        assert!(
            one.contains(&"<key>PayloadIdentifier</key><string>example.carepost.one</string>".to_owned())
        );
        assert!(!made("one").contains("<key>IncomingPassword</key>"));
    }
}
