//! Site contacts: whom the regulator knows at a location. Contact IDs are kept as hashes only.

use super::{Opened, Subject, day_of, row};
use crate::clock::Day;
use crate::register::import::ImportRefusal;
use crate::register::import::difference::Dating;
use crate::register::import::lines::{CellRow, Input, Odd, Rows, Unread};
use crate::register::site_contacts::{
    ContactIdHash, ContactKey, SiteContact, SiteContacts, read_email, read_telephone,
};
use crate::register::{CqcContactId, CqcLocationId, Provenance, tidy_or_none};
use std::collections::HashMap;

pub struct Contacts {
    pub key: ContactKey,
}

impl Contacts {
    fn read(
        &self,
        there: &CellRow,
        places: [usize; 4],
        odd: &mut Vec<Odd>,
    ) -> Result<(CqcLocationId, Option<SiteContact>), String> {
        let cell = |place: usize| there.cells.get(place).map_or("", String::as_str);
        // An address or number that is none is left out and noted; the other ways to reach them stand.
        let mut way = |field: &str, read: Result<Option<String>, String>| {
            read.unwrap_or_else(|why| {
                odd.push(Odd { field: field.to_owned(), why });
                None
            })
        };
        let [location, contact_id, email, telephone] = places;
        let location = CqcLocationId::parse(cell(location))
            .map_err(|_| "the location ID is not one (1- and 5 to 12 digits)".to_owned())?;
        let contact_id = match tidy_or_none(cell(contact_id)) {
            None => None,
            // The words leave out what was there: a contact ID is never shown, not even a wrong one.
            Some(text) => Some(
                CqcContactId::parse(&text)
                    .map_err(|_| "the contact ID is not one (1- and 5 to 12 digits)".to_owned())?,
            ),
        };
        let contact = SiteContact {
            contact_id: contact_id.map(|id| ContactIdHash::of(&self.key, &location, &id)),
            email: way("Email", read_email(cell(email))),
            telephone: way("Telephone", read_telephone(cell(telephone))),
        };
        let empty = contact.contact_id.is_none() && contact.email.is_none() && contact.telephone.is_none();
        if let (true, Some(Odd { why, .. })) = (empty, odd.first()) {
            // A row that only takes the contacts of a location away is empty, and not one that is odd.
            return Err(why.clone());
        }
        Ok((location, (!empty).then_some(contact)))
    }
}

impl Subject for Contacts {
    type Told = SiteContacts;
    type Kept = SiteContacts;

    fn open(&self, input: Input, _: Day) -> Result<(Opened, Rows<SiteContacts>), ImportRefusal> {
        const LOCATION: [&str; 3] =
            ["Location ID", "CQC Location ID", "CQC Location ID (for office use only)"];
        let mut cells = input.cells()?;
        let (header, preamble) = cells.header(&LOCATION, "Location ID")?;
        let places = [
            header.need(&LOCATION)?,
            header.need(&["Contact ID", "CQC Contact ID"])?,
            header.need(&["Email", "Email address"])?,
            header.need(&["Telephone", "Telephone number", "Phone number"])?,
        ];
        let opened = Opened { layout: "site contacts", data_date: day_of(&preamble), ..Opened::default() };
        // A location may have several rows, one a manager; together they are all its contacts. So
        // the whole file is read before the first row is handed on.
        let mut of_location: HashMap<CqcLocationId, Vec<SiteContact>> = HashMap::new();
        let mut spoilt: HashMap<String, u64> = HashMap::new();
        let mut read = Vec::new();
        let width = header.len();
        while let Some(there) = cells.next()? {
            // A contact ID may stand where the location should be; only what is certainly a
            // location is repeated.
            let shown = there
                .cells
                .get(places[0])
                .and_then(|cell| CqcLocationId::parse(cell).ok())
                .map(|id| id.to_string())
                .unwrap_or_default();
            // Empty cells may be missing at the end of a row, but nothing may stand beyond the header. A
            // row with the location alone takes its contacts away and says so with three empty cells.
            let is_wide = there.cells.iter().skip(width).any(|cell| !cell.trim().is_empty());
            if is_wide || there.cells.len() <= places[1] {
                let why = format!("the row has {} values, the header {width} columns", there.cells.len());
                return Err(cells.damaged(there.line, &why));
            }
            let mut odd = Vec::new();
            let told = if there.is_cut && there.cells.len() < width {
                Err("the file ends in the middle of this row".to_owned())
            } else {
                self.read(&there, places, &mut odd)
            };
            match told {
                Ok((location, contact)) => {
                    let contacts = of_location.entry(location.clone()).or_default();
                    contacts.extend(contact.filter(|contact| !contacts.contains(contact)));
                    read.push((there.line, shown, odd, Ok(location)));
                }
                Err(reason) => {
                    if !shown.is_empty() {
                        spoilt.entry(shown.clone()).or_insert(there.line);
                    }
                    read.push((there.line, shown, Vec::new(), Err(reason)));
                }
            }
        }
        let rows = read.into_iter().map(move |(line, shown, odd, told)| {
            let told: Result<SiteContacts, String> =
                told.and_then(|location: CqcLocationId| match spoilt.get(location.as_str()) {
                    Some(other) => Err(format!(
                        "another row of the same location cannot be read (line {other}), so none was taken"
                    )),
                    None => Ok(SiteContacts {
                        contacts: of_location.get(&location).cloned().unwrap_or_default(),
                        location,
                        provenance: Provenance::default(),
                    }),
                });
            Ok(row(line, &shown, told.map_err(Unread::from), odd))
        });
        Ok((opened, Box::new(rows)))
    }

    fn key(&self, told: &SiteContacts) -> String {
        told.location.as_str().to_owned()
    }

    fn lay(
        &self,
        told: SiteContacts,
        _kept: Option<SiteContacts>,
        _: &Opened,
        _: &mut Dating,
    ) -> SiteContacts {
        told
    }

    fn links(&self, kept: &SiteContacts) -> [Option<String>; 2] {
        let first = kept.contacts.first();
        [first.and_then(|contact| contact.email.clone()), first.and_then(|contact| contact.telephone.clone())]
    }

    fn is_open(&self, kept: &SiteContacts, _today: Day) -> bool {
        !kept.contacts.is_empty()
    }

    fn name(&self, _kept: &SiteContacts) -> String {
        String::new()
    }

    fn contacts(&self, kept: &SiteContacts) -> Vec<String> {
        let mut ways: Vec<String> = kept
            .contacts
            .iter()
            .flat_map(|contact| {
                let id = contact.contact_id.as_ref().map(|hash| hash.as_str().to_owned());
                [contact.email.clone(), contact.telephone.clone(), id]
            })
            .flatten()
            .collect();
        ways.sort_unstable();
        ways
    }
}
