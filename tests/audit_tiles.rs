//! A log published as tiles, and tiles of logs that others published.
#![cfg(feature = "verify")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use countersign::{Checkpoint, ProofPlan, PublicKey, Subtree, Tile};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

/// The root of RFC 6962, section 2.1, as it is defined there.
fn naive_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1], &naive_root(left), &naive_root(right)])
        }
    }
}

fn leaves(count: u64) -> Vec<[u8; 32]> {
    (0..count).map(|number| sha256(&[&[0], &number.to_be_bytes()])).collect()
}

/// Files of a log by path, as a publisher writes them when a log grows by steps.
#[derive(Default)]
struct Site {
    files: BTreeMap<String, Vec<u8>>,
}

impl Site {
    /// Writes what is new. Hashes above level 0 come from the full tiles below.
    fn grow(&mut self, older: u64, size: u64, leaves: &[[u8; 32]]) {
        for tile in Tile::grown(older, size) {
            let hash = |subtree: Subtree| match subtree.level {
                0 => leaves[usize::try_from(subtree.index).unwrap()],
                _ => self.hash(subtree, size),
            };
            let bytes = tile.write(tile.subtrees().map(hash)).unwrap();
            self.files.insert(tile.path(), bytes);
        }
    }

    fn hash(&self, subtree: Subtree, size: u64) -> [u8; 32] {
        let first = Subtree { level: subtree.level - 8, index: subtree.index * 256 };
        let below = Tile::of(first, size).unwrap();
        below.hash(&self.files[&below.path()], subtree).unwrap()
    }

    fn proof(&self, plan: &ProofPlan, size: u64) -> Vec<[u8; 32]> {
        let hashes = plan.subtrees().map(|subtree| {
            let tile = Tile::of(subtree, size).unwrap();
            tile.hash(&self.files[&tile.path()], subtree).unwrap()
        });
        plan.assemble(hashes.collect::<Vec<_>>()).unwrap()
    }
}

#[test]
fn paths_are_those_of_the_standard() {
    let path = |index: u64, width: u64| {
        let tile = Tile::grown(index * 256, index * 256 + width).next().unwrap();
        (tile.path(), tile.entries_path().unwrap())
    };
    assert_eq!(path(1_234_067, 256).0, "tile/0/x001/x234/067");
    assert_eq!(path(1_234_067, 255).1, "tile/entries/x001/x234/067.p/255");
    assert_eq!(path(0, 1).0, "tile/0/000.p/1");
    assert_eq!(path(999, 256).0, "tile/0/999");
    assert_eq!(path(1_000, 256).0, "tile/0/x001/000");
}

#[test]
fn tiles_of_the_standards_example_are_planned() {
    let tiles: Vec<_> = Tile::grown(0, 70_000).map(|tile| tile.path()).collect();
    assert_eq!(tiles.len(), 273 + 1 + 1 + 1 + 1);
    for path in ["tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"] {
        assert!(tiles.iter().any(|tile| tile == path), "{path}");
    }
    let tiles: Vec<_> = Tile::grown(0, 256).map(|tile| tile.path()).collect();
    assert_eq!(tiles, ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(Tile::grown(7, 7).count() + Tile::grown(8, 7).count() + Tile::grown(0, 0).count(), 0);
    // The end of all numbers is planned too.
    assert_eq!(Tile::grown(u64::MAX - 1, u64::MAX).map(|tile| tile.path()).collect::<Vec<_>>().len(), 1);
}

#[test]
fn log_of_three_levels_is_proven_from_its_tiles() {
    let leaves = leaves(66_000);
    let mut site = Site::default();
    site.grow(0, 300, &leaves);
    site.grow(300, 65_536, &leaves);
    site.grow(65_536, 66_000, &leaves);
    assert!(site.files.contains_key("tile/2/000.p/1"));
    let root = naive_root(&leaves);
    let checkpoint = signed("big", 66_000, root);
    for seq in [0, 255, 256, 65_535, 65_536, 65_791, 65_999] {
        let proof = site.proof(&ProofPlan::inclusion(seq, 66_000).unwrap(), 66_000);
        assert_eq!(checkpoint.includes(seq, leaves[usize::try_from(seq).unwrap()], &proof), Ok(()), "{seq}");
    }
    let older = signed("big", 300, naive_root(&leaves[..300]));
    let proof = site.proof(&ProofPlan::consistency(300, 66_000).unwrap(), 66_000);
    assert_eq!(checkpoint.extends(&older, &proof), Ok(()));
}

fn signed(origin: &str, size: u64, root: [u8; 32]) -> Checkpoint {
    use base64::Engine;
    let text = format!("{origin}\n{size}\n{}\n", base64::engine::general_purpose::STANDARD.encode(root));
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let public = PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap();
    let id = Sha256::digest([origin.as_bytes(), b"\n\x01", &public.to_bytes()].concat());
    let signature = ed25519_dalek::Signer::sign(&key, text.as_bytes());
    let line = base64::engine::general_purpose::STANDARD.encode([&id[..4], &signature.to_bytes()].concat());
    Checkpoint::open(&format!("{text}\n— {origin} {line}\n"), origin, &public).unwrap()
}

#[test]
fn bundles_hold_exactly_their_records() {
    let tile = Tile::grown(0, 3).next().unwrap();
    let records: [&[u8]; 3] = [b"one", b"", &[7; 65_535]];
    let bundle = tile.write_entries(records).unwrap();
    assert_eq!(bundle[..7], *b"\0\x03one\0\0");
    assert_eq!(tile.read_entries(&bundle).unwrap(), records);
    assert_eq!(tile.write_entries(&records[..2]), None);
    assert_eq!(tile.write_entries([&[7; 65_536][..], b"", b""]), None);
    for bad in [&bundle[..bundle.len() - 1], &[&bundle[..], b"\0\0"].concat(), &[&bundle[..], b"\0"].concat()]
    {
        assert_eq!(tile.read_entries(bad), None);
    }
    let above = Tile::grown(0, 256).last().unwrap();
    assert_eq!((above.entries_path(), above.write_entries([b"one"])), (None, None));
    assert_eq!(above.read_entries(b"\0\x03one"), None);
    assert_eq!(tile.write([[0; 32]; 2]), None);
}

#[test]
fn hash_is_of_the_right_tile_or_none() {
    let tile = Tile::grown(0, 3).next().unwrap();
    let bytes = tile.write(leaves(3)).unwrap();
    let at = |level, index| Subtree { level, index };
    assert_eq!(tile.hash(&bytes, at(0, 2)), Some(leaves(3)[2]));
    assert_eq!(tile.hash(&bytes, at(1, 0)), Some(naive_root(&leaves(2))));
    for subtree in [at(0, 3), at(1, 1), at(2, 0), at(8, 0), at(9, 0), at(64, 0), at(0, u64::MAX)] {
        assert_eq!(tile.hash(&bytes, subtree), None, "{subtree:?}");
    }
    assert_eq!(tile.hash(&bytes[..95], at(0, 0)), None);
    assert_eq!(tile.hash(&bytes[..64], at(0, 0)), None);
    for subtree in [at(0, 3), at(2, 0), at(64, 0), at(63, 1), at(0, u64::MAX)] {
        assert_eq!(Tile::of(subtree, 3), None, "{subtree:?}");
    }
}

#[test]
fn published_log_of_another_project_verifies() {
    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!("data/audit/tessera/", $name)).as_slice()
        };
    }
    let entries = [
        "one", "two", "three", "four", "five", "six", "seven", "eit", "nain", "ten", "ileven", "twelf",
        "threeten", "fourten", "fivten",
    ];
    let vkey = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
    let (origin, key) = PublicKey::from_vkey(vkey).unwrap();
    let leaves: Vec<_> = entries.iter().map(|entry| sha256(&[&[0], entry.as_bytes()])).collect();
    for (size, hashes, bundle) in [
        (1, file!("tile-0-000.p.1"), file!("tile-entries-000.p.1")),
        (8, file!("tile-0-000.p.8"), file!("tile-entries-000.p.8")),
        (15, file!("tile-0-000.p.15"), file!("tile-entries-000.p.15")),
    ] {
        let tile = Tile::grown(0, size).next().unwrap();
        let count = usize::try_from(size).unwrap();
        assert_eq!(tile.write(leaves[..count].to_vec()).unwrap(), hashes);
        assert_eq!(tile.write_entries(&entries[..count]).unwrap(), bundle);
        assert_eq!(
            tile.read_entries(bundle).unwrap(),
            entries[..count].iter().map(|entry| entry.as_bytes()).collect::<Vec<_>>()
        );
    }
    let mut site = Site::default();
    site.files.insert("tile/0/000.p/15".to_owned(), file!("tile-0-000.p.15").to_vec());
    let notes = [
        file!("checkpoint.1"),
        file!("checkpoint.2"),
        file!("checkpoint.3"),
        file!("checkpoint.4"),
        file!("checkpoint.5"),
        file!("checkpoint.6"),
        file!("checkpoint.7"),
        file!("checkpoint.8"),
        file!("checkpoint.9"),
        file!("checkpoint.10"),
        file!("checkpoint.11"),
        file!("checkpoint.12"),
        file!("checkpoint.13"),
        file!("checkpoint.14"),
        file!("checkpoint.15"),
    ];
    let open = |note: &[u8]| Checkpoint::open(std::str::from_utf8(note).unwrap(), &origin, &key).unwrap();
    let head = open(notes[14]);
    for (size, note) in (1..).zip(notes) {
        let checkpoint = open(note);
        assert_eq!(
            (checkpoint.size(), checkpoint.root()),
            (size, naive_root(&leaves[..usize::try_from(size).unwrap()]))
        );
        let proof = site.proof(&ProofPlan::consistency(size, 15).unwrap(), 15);
        assert_eq!(head.extends(&checkpoint, &proof), Ok(()), "{size}");
        let proof = site.proof(&ProofPlan::inclusion(size - 1, 15).unwrap(), 15);
        assert_eq!(head.includes(size - 1, leaves[usize::try_from(size - 1).unwrap()], &proof), Ok(()));
    }
}

proptest! {
    /// However a log grew, its last files are those that the standard names, and nothing else was written twice.
    #[test]
    fn growth_writes_what_the_standard_names(steps in prop::collection::vec(0..700_u64, 1..6)) {
        let (mut size, mut grown) = (0, BTreeSet::new());
        for step in steps {
            let new: Vec<_> = Tile::grown(size, size + step).map(|tile| tile.path()).collect();
            for path in &new {
                prop_assert!(grown.insert(path.clone()), "{path} was written twice");
            }
            size += step;
            for level in 0..3_u32 {
                let hashes = size / 256_u64.pow(level);
                for index in 0..hashes / 256 {
                    let path = format!("tile/{level}/{index:03}");
                    prop_assert!(grown.contains(&path), "{path} of {size}");
                }
                if hashes % 256 > 0 {
                    let path = format!("tile/{level}/{:03}.p/{}", hashes / 256, hashes % 256);
                    prop_assert!(grown.contains(&path), "{path} of {size}");
                }
            }
        }
    }
}
