//! States and the moves between them, each written in one table.
//!
//! `states!` declares a state without its data and how it is stored; `transitions!` declares every
//! move with the states it may start from and the one it leads to. A move asks the table
//! (`Transition::leads`) before it changes anything; `docs/states.md` is made from it ([`picture`]),
//! and lists of states in SQL are made from the enum ([`sql_list`]), so that a new state does not
//! compile until somebody has said where it belongs.

use crate::database::{Error, Result};

/// A state without its data, as it is stored in a column.
pub trait StateKind: Copy + Eq + std::fmt::Debug + 'static {
    /// Every state; the first is where everything begins.
    const ALL: &'static [Self];

    fn stored(self) -> &'static str;

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.stored() == text)
    }

    /// The state a row holds.
    ///
    /// # Errors
    /// [`Error::Broken`] where this program knows no such state.
    fn read(text: &str) -> Result<Self> {
        Self::parse(text)
            .ok_or_else(|| Error::Broken(format!("no {} is called {text}", std::any::type_name::<Self>())))
    }
}

/// A move from one state to another.
pub trait Transition: Copy + Eq + std::fmt::Debug + 'static {
    type State: StateKind;

    const ALL: &'static [Self];

    /// What happens, as on the arrow of the picture.
    fn in_words(self) -> &'static str;

    /// Where it may start.
    fn from(self) -> &'static [Self::State];

    /// Where it leads.
    fn to(self) -> Self::State;

    /// Where it leads from `state`; `None` where the table does not have the move.
    fn leads(self, state: Self::State) -> Option<Self::State> {
        self.from().contains(&state).then(|| self.to())
    }
}

/// Declares a state enum whose stored words are its names.
macro_rules! states {
    ($(#[$attribute:meta])* $name:ident { $( $(#[doc = $doc:literal])* $state:ident, )+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $( $(#[doc = $doc])* $state, )+ }

        impl $crate::outbox::transitions::StateKind for $name {
            const ALL: &'static [Self] = &[ $( $name::$state, )+ ];

            fn stored(self) -> &'static str {
                match self { $( $name::$state => stringify!($state), )+ }
            }
        }
    };
}
pub(crate) use states;

/// Declares the moves of a state enum, a line each: the move, its words, where it may start, where it
/// leads.
///
/// ```ignore
/// transitions! {
///     /// Every move of an account.
///     AccountMove of AccountState {
///         Activate "activate": Pending => Active;
///         Disable "disable": Active | Inactive => Disabled;
///     }
/// }
/// ```
macro_rules! transitions {
    (
        $(#[$attribute:meta])*
        $name:ident of $state:ident { $( $verb:ident $words:literal: $($from:ident)|+ => $to:ident; )+ }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $( #[doc = $words] $verb, )+ }

        impl $crate::outbox::transitions::Transition for $name {
            type State = $state;

            const ALL: &'static [Self] = &[ $( $name::$verb, )+ ];

            fn in_words(self) -> &'static str {
                match self { $( $name::$verb => $words, )+ }
            }

            fn from(self) -> &'static [$state] {
                match self { $( $name::$verb => &[ $( $state::$from, )+ ], )+ }
            }

            fn to(self) -> $state {
                match self { $( $name::$verb => $state::$to, )+ }
            }
        }
    };
}
pub(crate) use transitions;

/// The states for which `is_in` holds, as a list of SQL literals in their declared order:
/// `'Pending', 'Active'`. A partial index that a statement should use must list them the same way.
pub fn sql_list<S: StateKind>(is_in: impl Fn(S) -> bool) -> String {
    let literals: Vec<String> =
        S::ALL.iter().filter(|state| is_in(**state)).map(|state| format!("'{}'", state.stored())).collect();
    literals.join(", ")
}

/// The picture of the moves of one thing, as a Mermaid diagram under a heading.
pub fn picture<T: Transition>(name: &str) -> String {
    let mut text = format!("## {name}\n\n```mermaid\nstateDiagram-v2\n");
    if let Some(first) = T::State::ALL.first() {
        text.push_str(&format!("  [*] --> {}\n", first.stored()));
    }
    for state in T::State::ALL {
        for verb in T::ALL {
            if let Some(to) = verb.leads(*state) {
                text.push_str(&format!("  {} --> {}: {}\n", state.stored(), to.stored(), verb.in_words()));
            }
        }
    }
    text.push_str("```\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    states! {
        Light {
            Off,
            On,
            Broken,
        }
    }

    transitions! {
        LightMove of Light {
            Switch "switch on": Off => On;
            Drop "drop": Off | On => Broken;
        }
    }

    #[test]
    fn transitions_lead_from_the_states_of_the_table_and_no_others() {
        let check = |verb: LightMove, from: Light, expect: Option<Light>| {
            assert_eq!(verb.leads(from), expect, "{from:?} {verb:?}");
        };
        check(LightMove::Switch, Light::Off, Some(Light::On));
        check(LightMove::Switch, Light::On, None);
        check(LightMove::Drop, Light::On, Some(Light::Broken));
        check(LightMove::Drop, Light::Broken, None);
    }

    #[test]
    fn states_are_read_as_they_are_stored_and_others_are_faults() {
        for state in Light::ALL {
            assert_eq!(Light::read(state.stored()).expect("known"), *state);
        }
        let error = Light::read("Flickering").expect_err("unknown").to_string();
        assert!(error.contains("Light") && error.contains("Flickering"), "{error}");
        assert_eq!(sql_list(|state: Light| state != Light::On), "'Off', 'Broken'");
    }

    #[test]
    fn pictures_show_every_transition_in_the_order_of_the_states() {
        let picture = picture::<LightMove>("Light");
        let expect = "## Light\n\n```mermaid\nstateDiagram-v2\n  [*] --> Off\n  Off --> On: switch on\n  \
                      Off --> Broken: drop\n  On --> Broken: drop\n```\n";
        assert_eq!(picture, expect);
    }
}
