//! What a file makes of what is there: row by row, value by value where layouts hold different ones, and
//! nothing over what is newer.

use super::lines::Rows;
use super::subject::{Opened, Subject};
use super::{ImportRefusal, OddField, Rejection};
use crate::clock::Day;
use crate::register::store::Put;
use std::collections::{BTreeMap, HashMap};

/// How many of what is closed or changed a report names.
const NAMED_MAX: usize = 20;

/// A row that is there already.
pub(super) struct Known {
    pub facts: Box<str>,
    pub is_gone: bool,
    /// The day of the data that no longer named it.
    pub gone_on: Option<Day>,
    /// The day of its newest values, and the days of those that are older.
    pub data_date: Option<Day>,
    pub older: Option<Box<str>>,
    pub seen: bool,
    /// Where in the changes its new facts are, if they are new.
    pub change: Option<usize>,
    /// The line of this file that spoke of it.
    pub line: u64,
}

/// The days of the data from which the values of one row come, and the day of the file that is laid over it.
pub(super) struct Dating {
    told: Option<Day>,
    is_forced: bool,
    row: Option<Day>,
    older: BTreeMap<String, Option<Day>>,
}

/// Whether data of one day may replace that of another. A day that is not known keeps nothing from anything.
fn may_replace(told: Option<Day>, kept: Option<Day>) -> bool {
    match (told, kept) {
        (Some(told), Some(kept)) => told >= kept,
        (None, _) | (_, None) => true,
    }
}

/// The days of the values that are not of the row's day, as they are stored: a value without a day was
/// never told or came from a file that says none.
fn read_older(text: Option<&str>) -> BTreeMap<String, Option<Day>> {
    let read: BTreeMap<String, Option<String>> =
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    read.into_iter().map(|(name, day)| (name, day.and_then(|day| Day::parse_iso(&day)))).collect()
}

fn written_older(older: &BTreeMap<String, Option<Day>>) -> Option<Box<str>> {
    if older.is_empty() {
        return None;
    }
    let text: BTreeMap<&String, Option<String>> =
        older.iter().map(|(name, day)| (name, day.map(Day::iso))).collect();
    serde_json::to_string(&text).ok().map(String::into_boxed_str)
}

impl Dating {
    fn new(told: Option<Day>, is_forced: bool, row: Option<Day>, older: Option<&str>) -> Self {
        Dating { told, is_forced, row, older: read_older(older) }
    }

    /// The day of the file.
    pub(super) fn told(&self) -> Option<Day> {
        self.told
    }

    /// The day of a value that is there.
    pub(super) fn of(&self, value: &str) -> Option<Day> {
        self.older.get(value).copied().unwrap_or(self.row)
    }

    /// Whether the file's value takes the place of the one that is there.
    pub(super) fn may_replace(&self, value: &str) -> bool {
        self.is_forced || may_replace(self.told, self.of(value))
    }

    fn may_replace_row(&self) -> bool {
        self.is_forced || may_replace(self.told, self.row)
    }

    /// Says of which day each value is now.
    pub(super) fn set(&mut self, days: &[(&'static str, Option<Day>)]) {
        self.row = days.iter().filter_map(|(_, day)| *day).max();
        self.older = days
            .iter()
            .filter(|(_, day)| *day != self.row)
            .map(|(name, day)| ((*name).to_owned(), *day))
            .collect();
    }
}

/// What a file makes of what is there.
#[derive(Default)]
pub(super) struct Difference {
    pub rows: usize,
    pub unchanged: usize,
    pub applied: usize,
    pub puts: Vec<Put>,
    pub missing: Vec<Box<str>>,
    /// How many were open, and how many of them are closed or no longer named.
    pub present: usize,
    pub closing: usize,
    /// How many had contacts, and how many of these have others or none.
    pub with_contacts: usize,
    pub contacts_changed: usize,
    /// How many rows say something that newer data says otherwise, which stays.
    pub kept_newer: usize,
    pub rejections: Vec<Rejection>,
    /// How many of the rejections speak against the file as a whole.
    pub rejections_that_count: usize,
    pub odd: Vec<OddField>,
    /// Some of those that are closed: code and name.
    pub closed: Vec<(String, String)>,
    /// Some of those whose contacts change.
    pub changed: Vec<String>,
    /// How often each new contact of those that had another comes, to see one that takes over many.
    new_contacts: HashMap<String, usize>,
}

impl Difference {
    fn closes(&mut self, key: &str, name: impl FnOnce() -> String) {
        self.closing += 1;
        if self.closed.len() < NAMED_MAX {
            self.closed.push((key.to_owned(), name()));
        }
    }

    /// How many get the contact that comes most often among those that change.
    pub(super) fn most_frequent_contact(&self) -> usize {
        self.new_contacts.values().copied().max().unwrap_or(0)
    }
}

/// Lays a file over what is known.
pub(super) fn compare<S: Subject>(
    subject: &S,
    opened: &Opened,
    rows: Rows<S::Told>,
    mut known: HashMap<Box<str>, Known>,
    today: Day,
    told_on: Option<Day>,
    is_forced: bool,
) -> Result<Difference, ImportRefusal> {
    let mut difference = Difference::default();
    for row in rows {
        let row = row?;
        difference.rows += 1;
        let told = match row.told {
            Ok(told) => told,
            Err(unread) => {
                // A row that is there, even if it cannot be read, is not missing.
                if let Some(known) = known.get_mut(row.code.as_str()) {
                    known.seen = true;
                }
                difference.rejections_that_count += usize::from(unread.counts);
                difference.rejections.push(Rejection {
                    line: row.line,
                    code: row.code,
                    reason: unread.reason,
                });
                continue;
            }
        };
        let key = subject.key(&told);
        difference.odd.extend(row.odd.into_iter().map(|odd| OddField {
            line: row.line,
            code: key.clone(),
            field: odd.field,
            why: odd.why,
        }));
        let Some(there) = known.get_mut(key.as_str()) else {
            let mut dating = Dating::new(told_on, is_forced, None, None);
            let fresh = subject.lay(told, None, opened, &mut dating);
            if !S::BY_VALUE {
                dating.row = told_on;
            }
            let boxed: Box<str> = key.as_str().into();
            let place = difference.puts.len();
            difference.puts.push(put::<S>(subject, boxed.clone(), &fresh, &dating)?);
            difference.applied += 1;
            known.insert(
                boxed,
                Known {
                    facts: Box::default(),
                    is_gone: false,
                    gone_on: None,
                    data_date: dating.row,
                    older: written_older(&dating.older),
                    seen: true,
                    change: Some(place),
                    line: row.line,
                },
            );
            continue;
        };
        there.seen = true;
        let again = there.line > 0;
        let so_far: &str = match there.change {
            Some(place) => &difference.puts[place].facts,
            None => &there.facts,
        };
        let kept: Option<S::Kept> = serde_json::from_str(so_far).ok();
        let mut dating = Dating::new(told_on, is_forced, there.data_date, there.older.as_deref());
        let is_gone = there.is_gone && !again;
        let stays_gone = is_gone && !is_forced && !may_replace(told_on, there.gone_on);
        if stays_gone || !S::BY_VALUE && !dating.may_replace_row() {
            difference.unchanged += 1;
            difference.kept_newer += 1;
            there.line = if again { there.line } else { row.line };
            continue;
        }
        let was_open = !again && !is_gone && kept.as_ref().is_some_and(|kept| subject.is_open(kept, today));
        let contacts = kept
            .as_ref()
            .filter(|_| !again && !is_gone)
            .map(|kept| subject.contacts(kept))
            .unwrap_or_default();
        let newer_than_file = !is_forced && !may_replace(told_on, there.data_date);
        let fresh = subject.lay(told, kept, opened, &mut dating);
        if !S::BY_VALUE {
            dating.row = told_on;
        }
        let new = put::<S>(subject, key.as_str().into(), &fresh, &dating)?;
        let same = *so_far == *new.facts && !is_gone;
        difference.kept_newer += usize::from(newer_than_file);
        if again {
            if same {
                difference.unchanged += 1;
            } else {
                difference.rejections.push(Rejection {
                    line: row.line,
                    code: key,
                    reason: format!(
                        "line {} says something else about the same code; that line was taken",
                        there.line
                    ),
                });
            }
            continue;
        }
        there.line = row.line;
        if same {
            difference.unchanged += 1;
            // Data of a day that is not known says nothing about how old a value is.
            if told_on.is_none() && !is_forced {
                continue;
            }
            // It is said again by newer data, and is of that day from now on.
            if (dating.row, written_older(&dating.older)) != (there.data_date, there.older.take()) {
                there.change = Some(difference.puts.len());
                difference.puts.push(new);
            }
        } else {
            difference.applied += 1;
            if was_open && !subject.is_open(&fresh, today) {
                difference.closes(&key, || subject.name(&fresh));
            }
            if !contacts.is_empty() {
                let now = subject.contacts(&fresh);
                if now != contacts {
                    difference.contacts_changed += 1;
                    if difference.changed.len() < NAMED_MAX {
                        difference.changed.push(key.clone());
                    }
                    for new in now.into_iter().filter(|new| !contacts.contains(new)) {
                        *difference.new_contacts.entry(new).or_default() += 1;
                    }
                }
            }
            there.change = Some(difference.puts.len());
            difference.puts.push(new);
        }
        there.data_date = dating.row;
        there.older = written_older(&dating.older);
    }
    let full = opened.full_picture;
    // In order, so that the same file names the same ones.
    let mut known: Vec<_> = known.into_iter().collect();
    known.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    for (key, there) in known {
        // What this file brought itself was not there before.
        let is_new = there.facts.is_empty();
        if is_new || there.is_gone {
            continue;
        }
        let Ok(kept) = serde_json::from_str::<S::Kept>(&there.facts) else { continue };
        difference.with_contacts += usize::from(!subject.contacts(&kept).is_empty());
        // One that is closed already is not expected in a list of what is open.
        if !subject.is_open(&kept, today) {
            continue;
        }
        difference.present += 1;
        if !full || there.seen {
            continue;
        }
        if is_forced || may_replace(told_on, there.data_date) {
            difference.closes(&key, || subject.name(&kept));
            difference.missing.push(key);
        } else {
            difference.kept_newer += 1;
        }
    }
    Ok(difference)
}

fn put<S: Subject>(
    subject: &S,
    key: Box<str>,
    kept: &S::Kept,
    dating: &Dating,
) -> Result<Put, ImportRefusal> {
    let facts = serde_json::to_string(kept)
        .map_err(|error| crate::database::Error::Broken(format!("facts of {key}: {error}")))?;
    Ok(Put {
        key,
        links: subject.links(kept),
        facts: facts.into_boxed_str(),
        data_date: dating.row.map(Day::iso),
        older: written_older(&dating.older),
    })
}
