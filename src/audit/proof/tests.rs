use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::audit::merkle::leaf_hash;
use crate::hex;
use crate::keys::from_base64;

const GOLDEN: &str = include_str!("../../../tests/data/audit/rfc6962/hasher_and_golden_roots.json");
const INCLUSION: &str = include_str!("../../../tests/data/audit/merkle/inclusion.jsonl");
const CONSISTENCY: &str = include_str!("../../../tests/data/audit/merkle/consistency.jsonl");

/// The definition of RFC 6962, section 2.1, word by word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint::new("s", size, root(&leaves(size)))
}

/// Fetches what a plan wants, from the records.
fn proof(plan: &ProofPlan) -> Vec<Hash> {
    let hash = |subtree: Subtree| {
        subtree.hash(subtree.records().map(|number| leaf_hash(&number.to_be_bytes()))).unwrap()
    };
    plan.assemble(plan.subtrees().map(hash)).unwrap()
}

fn hash(value: &Value) -> Option<Hash> {
    from_base64(value.as_str()?)?.try_into().ok()
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    value.as_array().map_or(Some(Vec::new()), |items| items.iter().map(hash).collect())
}

#[test]
fn hashes_and_roots_are_those_of_rfc_6962() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let text = |bytes: &Hash| hex::encode(bytes);
    assert_eq!(text(&Frontier::default().root()), golden["hasher"]["empty_root"]);
    assert_eq!(text(&leaf_hash(b"")), golden["hasher"]["leaf_empty"]);
    assert_eq!(text(&leaf_hash(b"L123456")), golden["hasher"]["leaf_L123456"]);

    let mut frontier = Frontier::default();
    for (size, expected) in golden["roots_by_size_hex"].as_array().unwrap().iter().enumerate() {
        assert_eq!(text(&frontier.root()), *expected, "size {size}");
        let Some(input) = golden["leaf_inputs_hex"].get(size) else { break };
        let digits = input.as_str().unwrap().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        frontier.push(leaf_hash(&digits.chunks(2).map(byte).collect::<Vec<_>>()));
    }
}

#[test]
fn golden_roots_are_reached() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let golden = golden["golden_roots_base64"].as_object().unwrap();
    let mut frontier = Frontier::default();
    let mut reached = 0;
    for number in 0..65_535_u32 {
        let [low, high, ..] = number.to_le_bytes();
        frontier.push(leaf_hash(&[low, high]));
        if let Some(expected) = golden.get(&frontier.size().to_string()) {
            assert_eq!(Some(frontier.root()), hash(expected), "size {}", frontier.size());
            reached += 1;
        }
    }
    assert_eq!(reached, golden.len());
}

#[test]
fn inclusion_probes_are_judged_as_expected() {
    let mut judged = 0;
    for line in INCLUSION.lines() {
        let probe: Value = serde_json::from_str(line).unwrap();
        let accepted = (|| {
            let checkpoint = Checkpoint::new("s", probe["treeSize"].as_u64()?, hash(&probe["root"])?);
            let (leaf, proof) = (hash(&probe["leafHash"])?, hashes(&probe["proof"])?);
            checkpoint.includes(probe["leafIdx"].as_u64()?, leaf, &proof).ok()
        })();
        assert_eq!(accepted.is_none(), probe["wantErr"].as_bool().unwrap(), "{line}");
        judged += 1;
    }
    assert_eq!(judged, 98);
}

#[test]
fn consistency_probes_are_judged_as_expected() {
    let mut judged = 0;
    for line in CONSISTENCY.lines() {
        let probe: Value = serde_json::from_str(line).unwrap();
        let accepted = (|| {
            // Where roots do not matter, the probes hold a word instead.
            let root = |name: &str| {
                let bytes = from_base64(probe[name].as_str()?)?;
                if bytes.starts_with(b"don't care") {
                    Some(Sha256::digest(&bytes).into())
                } else {
                    hash(&probe[name])
                }
            };
            let at = |size: &str, name: &str| Some(Checkpoint::new("s", probe[size].as_u64()?, root(name)?));
            at("size2", "root2")?.extends(&at("size1", "root1")?, &hashes(&probe["proof"])?).ok()
        })();
        assert_eq!(accepted.is_none(), probe["wantErr"].as_bool().unwrap(), "{line}");
        judged += 1;
    }
    assert_eq!(judged, 98);
}

#[test]
fn every_planned_inclusion_proof_is_accepted_for_its_record_alone() {
    for size in 1..=33 {
        let checkpoint = checkpoint(size);
        for seq in 0..size {
            let plan = ProofPlan::inclusion(seq, size).unwrap();
            let proof = proof(&plan);
            for (other, leaf) in (0..size).zip(leaves(size)) {
                let expected = if other == seq { Ok(()) } else { Err(ProofError::Mismatch) };
                assert_eq!(checkpoint.includes(seq, leaf, &proof), expected, "{other} as {seq} of {size}");
            }
        }
        assert_eq!(ProofPlan::inclusion(size, size), None);
    }
}

#[test]
fn every_planned_consistency_proof_is_accepted_for_its_size_alone() {
    for size in 1..=33 {
        let newer = checkpoint(size);
        for older in 1..=size {
            let proof = proof(&ProofPlan::consistency(older, size).unwrap());
            assert_eq!(newer.extends(&checkpoint(older), &proof), Ok(()), "{older} of {size}");
            let forged = Checkpoint::new("s", older, [7; 32]);
            assert_eq!(newer.extends(&forged, &proof), Err(ProofError::Mismatch));
            assert_eq!(
                Checkpoint::new("s", size, [7; 32]).extends(&checkpoint(older), &proof),
                Err(ProofError::Mismatch)
            );
        }
    }
}

#[test]
fn proofs_that_cannot_be_are_named() {
    let (three, five) = (checkpoint(3), checkpoint(5));
    assert_eq!(three.includes(3, [0; 32], &[]).unwrap_err().to_string(), "record 3 is not among the first 3");
    assert_eq!(
        three.extends(&five, &[]).unwrap_err().to_string(),
        "checkpoint of 3 records cannot extend one of 5"
    );
    let other = Checkpoint::new("t", 3, three.root());
    assert_eq!(five.extends(&other, &[]).unwrap_err().to_string(), "checkpoints are of different streams");
    assert_eq!(
        five.extends(&three, &[]).unwrap_err().to_string(),
        "proof does not lead to the checkpoint's root"
    );
    assert_eq!(
        five.extends(&checkpoint(0), &[]).unwrap_err().to_string(),
        "checkpoint of no records proves nothing"
    );
    assert_eq!(checkpoint(0).extends(&checkpoint(0), &[]), Err(ProofError::NoRecords));
    assert_eq!((ProofPlan::consistency(0, 5), ProofPlan::consistency(6, 5)), (None, None));
}

#[test]
fn plan_takes_exactly_the_hashes_that_it_wants() {
    let plan = ProofPlan::inclusion(4, 7).unwrap();
    let wanted = plan.subtrees().count();
    assert!(plan.assemble(vec![[0; 32]; wanted]).is_some());
    assert!(plan.assemble(vec![[0; 32]; wanted - 1]).is_none());
    assert!(plan.assemble(vec![[0; 32]; wanted + 1]).is_none());
    assert_eq!(Subtree { level: 1, index: 0 }.hash([[0; 32]]), None);
    assert_eq!(Subtree { level: 70, index: 0 }.hash([]), None);
}

proptest! {
    #[test]
    fn incremental_root_is_the_naive_root(size in 0..300_u64) {
        prop_assert_eq!(root(&leaves(size)), naive_root(&leaves(size)));
    }

    #[test]
    fn one_flipped_bit_in_a_proof_is_refused(
        size in 2..300_u64,
        seq in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
    ) {
        let seq = u64::try_from(seq.index(usize::try_from(size).unwrap())).unwrap();
        let mut proof = proof(&ProofPlan::inclusion(seq, size).unwrap());
        let bit = at.index(proof.len().saturating_mul(256));
        proof[bit / 256][bit / 8 % 32] ^= 1 << (bit % 8);
        let leaf = leaf_hash(&seq.to_be_bytes());
        prop_assert_eq!(checkpoint(size).includes(seq, leaf, &proof), Err(ProofError::Mismatch));
    }
}
