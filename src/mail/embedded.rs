//! The engine inside the service, for the demo and for trying the service out: it holds mailboxes
//! in the database and moves no mail.

use super::{
    EngineError, Ensured, MailEngine, WantedAccount, WantedSharedMailbox, refuse_bad_address, store,
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

    async fn ensure(&self, address: &str, holds: String) -> Result<Ensured, EngineError> {
        refuse_bad_address(address)?;
        store::ensure(&self.database, self.clock.now(), address.to_owned(), holds)
            .await
            .map_err(|error| EngineError::Later(error.to_string()))
    }
}

impl MailEngine for Embedded {
    fn ensure_account<'a>(
        &'a self,
        wanted: &'a WantedAccount,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(self.ensure(&wanted.address, wanted.in_full()))
    }

    fn ensure_shared_mailbox<'a>(
        &'a self,
        wanted: &'a WantedSharedMailbox,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(self.ensure(&wanted.address, wanted.in_full()))
    }

    fn ensure_absent<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            store::ensure_absent(&self.database, address.to_owned())
                .await
                .map_err(|error| EngineError::Later(error.to_string()))
        })
    }

    fn look<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Option<String>, EngineError>> {
        Box::pin(async move {
            store::look(&self.database, address).await.map_err(|error| EngineError::Later(error.to_string()))
        })
    }
}
