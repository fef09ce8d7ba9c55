# The copy of what somebody sent as a shared mailbox belongs with what it has sent, and is not unread.
# Only the mail guard addresses such copies: Postfix refuses the name from everybody else.
require ["envelope", "subaddress", "imap4flags", "fileinto"];
if envelope :detail "to" "sent" {
  setflag "\\Seen";
  fileinto "Sent";
}
