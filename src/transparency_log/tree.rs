//! The tree: which nodes a computation needs, and what it makes of them.
//!
//! Nodes are numbered as they come to be: leaf 0, leaf 1, the node above both, leaf 2, … Each leaf is kept
//! with the nodes that it completes, so what was kept is never changed. A computation first says what it needs
//! ([`for_root`], [`for_consistency`]); the caller reads that, and the computation runs on it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use tlog_tiles::tlog::{self, HashReader};

pub use tlog_tiles::tlog::Hash;

/// Why a computation cannot be done: nodes are missing, or a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound(pub String);

impl From<tlog::Error> for Unsound {
    fn from(error: tlog::Error) -> Self {
        Unsound(error.to_string())
    }
}

/// Nodes of a tree by their number.
#[derive(Clone, Debug, Default)]
pub struct Nodes(BTreeMap<u64, Hash>);

impl Nodes {
    pub fn insert(&mut self, number: u64, hash: Hash) {
        self.0.insert(number, hash);
    }

    /// Leaves only the nodes that a tree of so many leaves is lengthened from.
    pub fn keep_for_root(&mut self, size: u64) {
        let needed = for_root(size);
        self.0.retain(|number, _| needed.contains(number));
    }
}

impl HashReader for Nodes {
    fn read_hashes(&self, numbers: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        let found = numbers.iter().map(|number| self.0.get(number).copied());
        found.collect::<Option<_>>().ok_or(tlog::Error::IndexesNotInTree)
    }
}

/// Answers nothing and notes what it was asked for.
#[derive(Default)]
struct Asked(RefCell<Vec<u64>>);

impl HashReader for Asked {
    fn read_hashes(&self, numbers: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        self.0.borrow_mut().extend_from_slice(numbers);
        Ok(vec![Hash::default(); numbers.len()])
    }
}

/// The nodes that [`root`] and [`append`] need: at most 64.
pub fn for_root(size: u64) -> Vec<u64> {
    tlog::sub_tree_index(0, size, Vec::new())
}

/// The nodes that [`consistency`] needs.
///
/// # Errors
/// The older tree is not the smaller one.
pub fn for_consistency(old: u64, new: u64) -> Result<Vec<u64>, Unsound> {
    let asked = Asked::default();
    if old > 0 {
        tlog::prove_tree(new, old, &asked)?;
    }
    Ok(asked.0.into_inner())
}

/// The leaf with which a node is kept, and its place among what is kept there: the leaf itself is 0.
pub fn home(number: u64) -> (u64, usize) {
    let (level, of_level) = tlog::split_stored_hash_index(number);
    (((of_level + 1) << level) - 1, usize::from(level))
}

/// The number of a leaf's own node; the nodes that it completes follow.
pub fn number_of_leaf(place: u64) -> u64 {
    tlog::stored_hash_index(0, place)
}

/// The hash of what a leaf holds.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    tlog::record_hash(bytes)
}

/// The hash over the whole of a tree.
///
/// # Errors
/// A node is missing.
pub fn root(size: u64, nodes: &Nodes) -> Result<Hash, Unsound> {
    Ok(tlog::tree_hash(size, nodes)?)
}

/// Adds a leaf to a tree of so many; answers what is kept with it: its own hash, then those of the nodes it
/// completes. `nodes` holds at least those of [`for_root`], and the new ones afterwards.
///
/// # Errors
/// A node is missing.
pub fn append(size: u64, leaf: Hash, nodes: &mut Nodes) -> Result<Vec<Hash>, Unsound> {
    let kept = tlog::stored_hashes_for_record_hash(size, leaf, nodes)?;
    for (number, hash) in (number_of_leaf(size)..).zip(&kept) {
        nodes.insert(number, *hash);
    }
    Ok(kept)
}

/// The proof that a tree of `new` leaves begins with the tree of `old`.
///
/// # Errors
/// A node is missing, or the older tree is not the smaller one.
pub fn consistency(old: u64, new: u64, nodes: &Nodes) -> Result<Vec<Hash>, Unsound> {
    if old == 0 { Ok(Vec::new()) } else { Ok(tlog::prove_tree(new, old, nodes)?) }
}

/// Checks a proof that the tree of `new` leaves begins with the tree of `old`.
///
/// # Errors
/// It does not, or the proof does not show it.
pub fn verify_consistency(proof: Vec<Hash>, new: (u64, Hash), old: (u64, Hash)) -> Result<(), Unsound> {
    if old.0 == 0 {
        let is_empty = proof.is_empty() && old.1 == tlog::EMPTY_HASH;
        return if is_empty { Ok(()) } else { Err(Unsound("the empty tree has another hash".to_owned())) };
    }
    Ok(tlog::check_tree(&proof, new.0, new.1, old.0, old.1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    /// RFC 6962, section 2.1, word for word: slow, and without a line of the crates.
    fn naive_root(leaves: &[Vec<u8>]) -> [u8; 32] {
        match leaves {
            [] => Sha256::digest([]).into(),
            [only] => Sha256::new().chain_update([0]).chain_update(only).finalize().into(),
            many => {
                let split = split(many.len());
                let (left, right) = (naive_root(&many[..split]), naive_root(&many[split..]));
                Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
            }
        }
    }

    /// The largest power of two smaller than `count`.
    fn split(count: usize) -> usize {
        (1..)
            .map(|power| 1 << power)
            .find(|power| power * 2 >= count)
            .map_or(1, |power| if count == 2 { 1 } else { power })
    }

    /// PATH of RFC 6962, section 2.1.1.
    fn naive_path(place: usize, leaves: &[Vec<u8>]) -> Vec<[u8; 32]> {
        if leaves.len() < 2 {
            return Vec::new();
        }
        let split = split(leaves.len());
        let (left, right) = leaves.split_at(split);
        let mut path = if place < split { naive_path(place, left) } else { naive_path(place - split, right) };
        path.push(naive_root(if place < split { right } else { left }));
        path
    }

    /// SUBPROOF of RFC 6962, section 2.1.2.
    fn naive_proof(old: usize, leaves: &[Vec<u8>], is_whole: bool) -> Vec<[u8; 32]> {
        if old == leaves.len() {
            return if is_whole { Vec::new() } else { vec![naive_root(leaves)] };
        }
        let split = split(leaves.len());
        let (left, right) = leaves.split_at(split);
        let (mut proof, other) = if old <= split {
            (naive_proof(old, left, is_whole), right)
        } else {
            (naive_proof(old - split, right, false), left)
        };
        proof.push(naive_root(other));
        proof
    }

    /// A tree as it is kept: what stands with each leaf.
    fn kept(leaves: &[Vec<u8>]) -> Vec<Vec<Hash>> {
        let mut nodes = Nodes::default();
        let mut kept = Vec::new();
        for (size, leaf) in (0..).zip(leaves) {
            kept.push(append(size, leaf_hash(leaf), &mut nodes).expect("lengthened"));
            nodes.keep_for_root(size + 1);
        }
        kept
    }

    fn read(kept: &[Vec<Hash>], numbers: &[u64]) -> Nodes {
        let mut nodes = Nodes::default();
        for number in numbers {
            let (place, offset) = home(*number);
            nodes.insert(*number, kept[usize::try_from(place).expect("small")][offset]);
        }
        nodes
    }

    fn root_of(kept: &[Vec<Hash>], size: usize) -> Hash {
        root(size as u64, &read(kept, &for_root(size as u64))).expect("a root")
    }

    fn proof_of(kept: &[Vec<Hash>], old: usize, new: usize) -> Vec<Hash> {
        let numbers = for_consistency(old as u64, new as u64).expect("smaller");
        consistency(old as u64, new as u64, &read(kept, &numbers)).expect("a proof")
    }

    fn bytes(hashes: &[Hash]) -> Vec<[u8; 32]> {
        hashes.iter().map(|hash| hash.0).collect()
    }

    #[test]
    fn the_test_vectors_of_certificate_transparency_come_out() {
        // The leaves and roots of Certificate Transparency's own reference tests.
        let leaves: Vec<Vec<u8>> = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .iter()
        .map(|text| {
            (0..text.len() / 2)
                .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).expect("hex"))
                .collect()
        })
        .collect();
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let kept = kept(&leaves);
        for (size, expect) in (1..).zip(roots) {
            assert_eq!(crate::id::hex(&root_of(&kept, size).0), expect, "{size} leaves");
        }
        let empty = root(0, &Nodes::default()).expect("a root");
        assert_eq!(
            crate::id::hex(&empty.0),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn roots_and_proofs_are_those_of_the_rfc(
            leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 1..90),
            pick in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let kept = kept(&leaves);
            let new = pick.0.index(leaves.len()) + 1;
            let old = pick.1.index(new) + 1;
            let (new_root, old_root) = (root_of(&kept, new), root_of(&kept, old));
            prop_assert_eq!(new_root.0, naive_root(&leaves[..new]));
            let proof = proof_of(&kept, old, new);
            prop_assert_eq!(bytes(&proof), naive_proof(old, &leaves[..new], true));
            let heads = ((new as u64, new_root), (old as u64, old_root));
            prop_assert_eq!(verify_consistency(proof.clone(), heads.0, heads.1), Ok(()));

            let place = old - 1;
            let asked = Asked::default();
            tlog::prove_record(new as u64, place as u64, &asked).expect("asked");
            let nodes = read(&kept, &asked.0.into_inner());
            let path = tlog::prove_record(new as u64, place as u64, &nodes).expect("a path");
            prop_assert_eq!(bytes(&path), naive_path(place, &leaves[..new]));

            // Another implementation says the same.
            let mut other = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, Vec<u8>>::new();
            leaves[..new].iter().for_each(|leaf| other.push(leaf.clone()));
            let other = other.root();
            prop_assert_eq!(other.as_bytes().as_slice(), new_root.0.as_slice());
        }

        #[test]
        fn a_tree_whose_beginning_was_changed_is_not_consistent(
            leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 2..70),
            pick in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let old = pick.0.index(leaves.len() - 1) + 1;
            let before = kept(&leaves[..old]);
            let mut changed = leaves.clone();
            changed[pick.1.index(old)].push(7);
            let after = kept(&changed);
            let heads = (
                (leaves.len() as u64, root_of(&after, leaves.len())),
                (old as u64, root_of(&before, old)),
            );
            let proof = proof_of(&after, old, leaves.len());
            prop_assert!(verify_consistency(proof, heads.0, heads.1).is_err());
        }
    }
}
