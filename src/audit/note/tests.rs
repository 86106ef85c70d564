use super::super::{Checkpoint, CheckpointError};
use super::*;

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../tests/data/audit/c2sp/", $name))
    };
}

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

#[test]
fn signed_note_of_the_standard_verifies() {
    let (name, key) = PublicKey::from_vkey(example!("signed-note-example.vkey").trim()).unwrap();
    let note = Note::read(example!("signed-note-example.note")).unwrap();
    assert_eq!(note.text, "This is an example message.\n");
    assert_eq!(note.signed_by(&name, &key), Signed::Valid);
    assert_eq!(note.signed_by("example.com/bar", &key), Signed::Absent);
    assert_eq!(note.signed_by(&name, &SigningKey::from_seed([1; 32]).public()), Signed::Absent);
    let altered = example!("signed-note-example.note").replace("example message", "altered message");
    assert_eq!(Note::read(&altered).unwrap().signed_by(&name, &key), Signed::Forged);
}

#[test]
fn checkpoints_of_the_standard_are_read() {
    for note in [example!("checkpoint-example.note"), example!("checkpoint-cosigned-example.note")] {
        let signed =
            super::super::checkpoint::KeptCheckpoint::read(note, "example.com/behind-the-sofa").unwrap();
        assert_eq!(signed.checkpoint.size(), 20_852_163);
        assert!(note.starts_with(&signed.checkpoint.text()));
        // It is signed by nobody that we know.
        let opened = Checkpoint::open(note, "example.com/behind-the-sofa", &key().public());
        assert_eq!(opened, Err(CheckpointError::Signature));
    }
}

/// The tree of sum.golang.org, whose key has another name than its log.
#[test]
fn checkpoint_of_a_public_log_verifies() {
    let vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let (name, key) = PublicKey::from_vkey(vkey).unwrap();
    let text = "go.sum database tree\n65209736\n5+uGFjx6xBZG8ip1+wi77v+grwbhhukIrxEUS8PXvRo=\n";
    let line = "— sum.golang.org Az3grnbssgK7ubgFX36gVETtNv0U23qxyAhAMai2QUfeGa3nB/akvkMdlUErfcZz7l/R3cVtYspg3dxXABkGZZKdsQ8=";
    let note = format!("{text}\n{line}\n");
    assert_eq!(Note::read(&note).unwrap().signed_by(&name, &key), Signed::Valid);
    let altered = note.replace("65209736", "65209737");
    assert_eq!(Note::read(&altered).unwrap().signed_by(&name, &key), Signed::Forged);
    let origin = "go.sum database tree";
    let opened = Checkpoint::open_signed_as(&note, origin, &name, &key).unwrap();
    assert_eq!((opened.size(), opened.text().as_str()), (65_209_736, text));
    let open = |note: &str, origin: &str, name: &str| {
        Checkpoint::open_signed_as(note, origin, name, &key).unwrap_err().to_string()
    };
    let unsigned = "checkpoint is not signed by the key";
    assert_eq!(open(&altered, origin, &name), unsigned);
    assert_eq!(open(&note, origin, origin), unsigned);
    assert_eq!(open(&note, origin, "sum.golang.org "), unsigned);
    assert_eq!(
        open(&note, &name, &name),
        "checkpoint is of `go.sum database tree`, expected `sum.golang.org`"
    );
    assert_eq!(Checkpoint::open(&note, origin, &key), Err(CheckpointError::Signature));
}

/// Rekor signs with ECDSA, which is not read here: such a checkpoint is ignored, not believed.
#[test]
fn checkpoint_signed_by_another_algorithm_is_not_believed() {
    let note = "rekor.sigstore.dev - 1193050959916656506\n25232885\nwfIuS5NLOf+4rU8wVjPaezQYEVVpf3aF1G/BfRYMXew=\n\n\
                — rekor.sigstore.dev wNI9ajBFAiAj+8BDcU0CKq9AJ1uOND6fCQ/ugLsk1xnSz0IpXoaE+AIhALUXqsTZ40Mt2X30WNlk6baivF1KA4V4rrjbPNVo9eFC\n";
    let origin = "rekor.sigstore.dev - 1193050959916656506";
    assert_eq!(Checkpoint::open(note, origin, &key().public()), Err(CheckpointError::Signature));
    let kept = super::super::checkpoint::KeptCheckpoint::read(note, origin).unwrap();
    assert_eq!(kept.checkpoint.size(), 25_232_885);
}

#[test]
fn notes_of_another_shape_are_refused() {
    let good = sign("text\n", "name", &key());
    assert!(Note::read(&good).is_some());
    let line = good.lines().last().unwrap();
    for note in [
        String::new(),
        "text\n".to_owned(),
        "text\n\n".to_owned(),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("{good}{line}"),
        good.replace("text\n\n", "text\n"),
        good.replace("text\n\n", "\n\n"),
        good.replace("text", "te\rxt"),
        good.replace("text", "te\txt"),
        good.replace("— ", "- "),
        good.replace("— name", "— "),
        good.replace("— name", "— na+me"),
        good.replace("— name", "— na\u{a0}me"),
        good.replace("— name ", "— name  "),
        good.replace("=\n", "\n"),
        "text\n\n— name AAAAAA==\n".to_owned(),
        format!("{good}{}", format!("{line}\n").repeat(64)),
        sign(&format!("{}\n", "x".repeat(65_536)), "name", &key()),
    ] {
        assert_eq!(Note::read(&note), None, "{:?}", note.get(..80).unwrap_or(&note));
    }
}

#[test]
fn text_may_have_empty_lines_of_its_own() {
    let note = sign("one\n\n— two\n", "name", &key());
    let note = Note::read(&note).unwrap();
    assert_eq!(note.text, "one\n\n— two\n");
    assert_eq!(note.signed_by("name", &key().public()), Signed::Valid);
}

#[test]
fn checkpoint_lines_are_read_strictly() {
    let root = base64(&[1; 32]);
    let open = |text: &str| Checkpoint::open(&sign(text, "s", &key()), "s", &key().public());
    assert_eq!(open(&format!("s\n7\n{root}\n")).unwrap().text(), format!("s\n7\n{root}\n"));
    assert_eq!(open(&format!("s\n7\n{root}\nan extension\n")).unwrap().size(), 7);
    for (text, line) in [
        (format!("\n7\n{root}\n"), 1),
        (format!("s\n07\n{root}\n"), 2),
        (format!("s\n+7\n{root}\n"), 2),
        (format!("s\n-1\n{root}\n"), 2),
        (format!("s\n7 \n{root}\n"), 2),
        (format!("s\n18446744073709551616\n{root}\n"), 2),
        ("s\n".to_owned(), 2),
        ("s\n7\n".to_owned(), 3),
        (format!("s\n7\n{}\n", base64(&[1; 31])), 3),
        (format!("s\n7\n{}\n", root.trim_end_matches('=')), 3),
        (format!("s\n7\n{root} \n"), 3),
        (format!("s\n7\n{root}\n\nx\n"), 4),
    ] {
        assert_eq!(open(&text).unwrap_err(), CheckpointError::Line { line }, "{text}");
    }
}

#[test]
fn checkpoint_is_bound_to_its_stream_and_key() {
    let checkpoint = Checkpoint::new("s", 7, [1; 32]);
    let note = checkpoint.clone().sign(&key());
    assert_eq!(Checkpoint::open(&note, "s", &key().public()), Ok(checkpoint.clone()));
    let other = SigningKey::from_seed([8; 32]).public();
    assert_eq!(Checkpoint::open(&note, "s", &other), Err(CheckpointError::Signature));
    for (from, to) in [("\n7\n", "\n8\n"), ("AQEB", "AQEC")] {
        let altered = note.replacen(from, to, 1);
        assert_eq!(Checkpoint::open(&altered, "s", &key().public()), Err(CheckpointError::Signature));
    }
    let error = Checkpoint::open(&note, "t", &key().public()).unwrap_err();
    assert_eq!(error.to_string(), "checkpoint is of `s`, expected `t`");
}

#[test]
fn checkpoint_signed_elsewhere_is_the_same_note() {
    let checkpoint = Checkpoint::new("s", 7, [1; 32]);
    let signature = key().sign(checkpoint.text().as_bytes());
    let note = checkpoint.clone().finish(&key().public(), signature).unwrap();
    assert_eq!(note, checkpoint.clone().sign(&key()));
    assert_eq!(checkpoint.finish(&key().public(), [0; 64]), Err(CheckpointError::Signature));
}

#[test]
fn every_error_says_what_is_wrong() {
    for (error, message) in [
        (CheckpointError::NotANote, "checkpoint is not a signed note"),
        (CheckpointError::Line { line: 2 }, "line 2 of the checkpoint is malformed"),
        (CheckpointError::Signature, "checkpoint is not signed by the key"),
    ] {
        assert_eq!(error.to_string(), message);
    }
}
