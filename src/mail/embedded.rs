//! The engine inside the service, for trying the service out: it holds mailboxes in the database and
//! moves no mail.

use super::{
    EngineError, Ensured, Filling, Held, MailEngine, WantedAccount, WantedSharedMailbox, refuse_bad, store,
};
use crate::clock::Clock;
use crate::database::{BoxFuture, Database};

/// An engine that keeps its state in the service's own database.
#[derive(Clone)]
pub struct Embedded {
    database: Database,
    clock: Clock,
}

impl Embedded {
    pub fn new(database: Database, clock: Clock) -> Self {
        Embedded { database, clock }
    }

    async fn ensure(&self, id: &str, holds: String) -> Result<Ensured, EngineError> {
        Ok(store::ensure(&self.database, self.clock.now(), id.to_owned(), holds).await?)
    }
}

impl MailEngine for Embedded {
    fn ensure_account<'a>(
        &'a self,
        wanted: &'a WantedAccount,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            refuse_bad(&wanted.id, &wanted.address, &[&wanted.aliases])?;
            self.ensure(&wanted.id, wanted.in_full()).await
        })
    }

    fn ensure_shared_mailbox<'a>(
        &'a self,
        wanted: &'a WantedSharedMailbox,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            let others: [&[String]; 3] = [&wanted.aliases, &wanted.owners, &wanted.members];
            refuse_bad(&wanted.id, &wanted.address, &others)?;
            self.ensure(&wanted.id, wanted.in_full()).await
        })
    }

    fn ensure_absent<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move { Ok(store::ensure_absent(&self.database, id.to_owned()).await?) })
    }

    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<String>, EngineError>> {
        Box::pin(async move { Ok(store::look(&self.database, id).await?) })
    }

    fn list<'a>(&'a self, after: &'a str, limit: u32) -> BoxFuture<'a, Result<Vec<Held>, EngineError>> {
        Box::pin(async move { Ok(store::list(&self.database, after, limit).await?) })
    }

    fn list_storage(&self) -> BoxFuture<'_, Result<Vec<String>, EngineError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn count_unread<'a>(
        &'a self,
        addresses: &'a [String],
        _hours: u32,
    ) -> BoxFuture<'a, Result<Vec<u64>, EngineError>> {
        // It takes no mail, so none is unread.
        Box::pin(async move { Ok(vec![0; addresses.len()]) })
    }

    fn answers(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        // It has no servers that could be down.
        Box::pin(async { Ok(()) })
    }

    fn ensure_secure_domains<'a>(
        &'a self,
        _domains: &'a [String],
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        // It sends no mail, so there is nobody to insist with.
        Box::pin(async { Ok(Ensured::AlreadyRight) })
    }

    fn filling(&self) -> BoxFuture<'_, Result<Option<Filling>, EngineError>> {
        // It keeps what it holds beside the directory, in one database: neither is newer.
        Box::pin(async { Ok(None) })
    }

    fn ensure_filled<'a>(&'a self, _filling: &'a Filling) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async { Ok(Ensured::AlreadyRight) })
    }
}
