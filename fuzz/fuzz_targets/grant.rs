//! Grants, chains, proofs, approvals, revocation lists, log proofs and key sets: good ones, changed by parts
//! (members doubled, renamed, replaced, encoded otherwise) and mostly signed again by the right key, so that
//! what is behind the signature is reached. What is accepted must say what was attempted.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use countersign::{
    Action, Attempt, Dialect, Gate, GrantVerifier, KeySet, Ledger, LogProof, Outcome, Payload, Policy,
    Request, Resource, SigningKey, Stamp, Subject,
};
use ed25519_dalek::Signer;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let mut dice = Dice(bytes);
    match dice.below(8) {
        0 => grant(&mut dice),
        1 => chain(&mut dice),
        2 => proof(&mut dice),
        3 => approval(&mut dice),
        4 => revocations(&mut dice),
        5 => log_proof(&mut dice),
        6 => key_set(&mut dice),
        _ => anything(&mut dice),
    }
});

fn grant(dice: &mut Dice) {
    let (token, key) = (text(&VECTORS["grant"]["token"]), ISSUER);
    let forged = forge(dice, token, key);
    if verifier().verify(&forged.text, attempt(), now()).is_ok() {
        assert!(forged.text == token || forged.signed, "a changed grant passes");
        assert_fits(&forged.text);
    }
}

fn chain(dice: &mut Dice) {
    let chain: Vec<&str> = VECTORS["chain"]["tokens"].as_array().into_iter().flatten().map(text).collect();
    let forged = [forge(dice, chain[0], ISSUER), forge(dice, chain[1], HOLDER)];
    let tokens = [&*forged[0].text, &*forged[1].text];
    let tokens = &tokens[..1 + dice.below(2)];
    let holder = SigningKey::from_seed([12; 32]);
    let proof = attempt().prove(tokens[tokens.len() - 1], "database/orders", &holder, now());
    if verifier().verify_chain(tokens, attempt().with_proof(&proof), now()).is_ok() {
        tokens.iter().for_each(|token| assert_fits(token));
        let ends: Vec<u64> = tokens.iter().map(|token| claims(token)["exp"].as_u64().unwrap()).collect();
        assert!(ends.is_sorted_by(|parent, child| parent >= child), "a child outlives its parent");
    }
}

fn proof(dice: &mut Dice) {
    let bound = &VECTORS["bound"];
    let forged = forge(dice, text(&bound["proof"]), HOLDER);
    if verifier().verify(text(&bound["token"]), attempt().with_proof(&forged.text), now()).is_ok() {
        assert_eq!(claims(&forged.text)["aud"], "database/orders");
    }
}

fn approval(dice: &mut Dice) {
    let token = text(&VECTORS["approved"]["token"]);
    let mut changed = claims(token);
    let approvals = changed["apr"].as_array_mut().unwrap();
    let mut untouched = 0;
    for (approval, fill) in approvals.iter_mut().zip([21, 22]) {
        let forged = forge(dice, approval.as_str().unwrap(), [fill; 32]);
        untouched += usize::from(forged.text == *approval);
        *approval = forged.text.into();
    }
    let grant = sign(&part(token, 0), changed.to_string().as_bytes(), &ISSUER);
    let people = [21, 22].map(|fill| SigningKey::from_seed([fill; 32]).public());
    let people = ["user/bo".to_owned(), "user/cy".to_owned()].into_iter().zip(people);
    if verifier().requiring_approvals(2, people).verify(&grant, attempt(), now()).is_ok() && untouched < 2 {
        let one = |approval: &Value| claims(approval.as_str().unwrap());
        let apr = claims(&grant)["apr"].as_array().unwrap().iter().map(one).collect::<Vec<_>>();
        assert_ne!(apr[0]["by"], apr[1]["by"]);
        assert!(apr.iter().all(|approval| approval["req"] == "req-4821" && approval["sub"] == "user/ana"));
    }
}

fn revocations(dice: &mut Dice) {
    let lists = &VECTORS["revocations"];
    let which = if dice.below(2) == 0 { "passing" } else { "revoking" };
    let forged = forge(dice, text(&lists[which]), ISSUER);
    let Ok(verifier) = verifier().with_revocations(&forged.text, Duration::from_secs(60)) else { return };
    if verifier.verify(text(&VECTORS["grant"]["token"]), attempt(), now()).is_ok() {
        let list = claims(&forged.text);
        assert!(now().timestamp() - list["iat"].as_i64().unwrap() <= 60);
        let listed = list["jti"].as_array().into_iter().flatten();
        assert!(listed.into_iter().all(|id| *id != claims(text(&VECTORS["grant"]["token"]))["jti"]));
    }
}

fn log_proof(dice: &mut Dice) {
    let changed = edit(dice, LOGGED.1.as_bytes());
    let Ok(shown) = String::from_utf8(changed) else { return };
    let verifier = verifier().requiring_log([("fuzz".to_owned(), SigningKey::from_seed([31; 32]).public())]);
    let verdict = verifier.verify(&LOGGED.0, attempt().with_log_proof(&shown), now());
    if verdict.is_ok() {
        let kept = |text: &str| text.lines().take(3).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(kept(&shown), kept(&LOGGED.1), "another record passes");
    }
}

fn key_set(dice: &mut Dice) {
    let members = [("kty", "\"OKP\""), ("crv", "\"Ed25519\""), ("use", "\"sig\""), ("x", X)];
    let members = members.map(|(name, value)| (format!("\"{name}\""), value.to_owned()));
    let keys: Vec<_> = (0..dice.below(3)).map(|_| object(&mutate(dice, members.to_vec()))).collect();
    let text = format!("{{\"keys\":[{}]}}", keys.join(","));
    if let Ok(set) = KeySet::from_jwks(&String::from_utf8_lossy(&edit(dice, text.as_bytes()))) {
        assert_eq!(KeySet::from_jwks(&set.to_jwks()).map(|again| again.len()), Ok(set.len()));
    }
}

fn anything(dice: &mut Dice) {
    let text = String::from_utf8_lossy(dice.0);
    assert!(verifier().verify(&text, attempt(), now()).is_err());
    assert!(verifier().with_revocations(&text, Duration::MAX).is_err());
    let _ = (KeySet::from_jwks(&text), SigningKey::from_pem(&text), countersign::PublicKey::from_vkey(&text));
}

/// What a grant that passes must say, as another reader understands it.
fn assert_fits(token: &str) {
    let (claims, now) = (claims(token), now().timestamp());
    let time = |name: &str| claims[name].as_i64().unwrap();
    assert!(
        time("nbf") <= now && time("iat") <= now && now < time("exp") && time("exp") - time("iat") <= 28_800
    );
    for (name, value) in [
        ("v", 1.into()),
        ("iss", "https://jit.example".into()),
        ("aud", "database/orders".into()),
        ("act", "sql.execute".into()),
        ("res", "database/orders".into()),
    ] as [(&str, Value); 5]
    {
        assert_eq!(claims[name], value);
    }
    assert_eq!(claims["adg"], self::claims(text(&VECTORS["grant"]["token"]))["adg"]);
}

struct Forged {
    text: String,
    /// The right key signed the text as it is.
    signed: bool,
}

/// Changes a token's header and claims, encodes and signs them, and may change the text after that.
fn forge(dice: &mut Dice, token: &str, key: [u8; 32]) -> Forged {
    let mut parts = [part(token, 0), part(token, 1)];
    for bytes in &mut parts {
        let Value::Object(members) = serde_json::from_slice(bytes).unwrap() else { unreachable!() };
        let members =
            members.into_iter().map(|(name, value)| (Value::from(name).to_string(), value.to_string()));
        if dice.below(2) == 0 {
            *bytes = object(&mutate(dice, members.collect())).into_bytes();
        }
        *bytes = edit(dice, bytes);
    }
    let signer = if dice.below(8) == 0 { [99; 32] } else { key };
    let text = match dice.below(8) {
        0 => format!(
            "{}.{}.{}",
            URL_SAFE.encode(&parts[0]),
            STANDARD.encode(&parts[1]),
            token.rsplit('.').next().unwrap()
        ),
        1 => {
            let text = sign(&parts[0], &parts[1], &signer);
            let changed = String::from_utf8_lossy(&edit(dice, text.as_bytes())).into_owned();
            return Forged { signed: signer == key && changed == text, text: changed };
        }
        _ => sign(&parts[0], &parts[1], &signer),
    };
    Forged { signed: signer == key, text }
}

/// Changes the members of an object, as they are written.
fn mutate(dice: &mut Dice, mut members: Vec<(String, String)>) -> Vec<(String, String)> {
    for _ in 0..dice.below(4) {
        let at = dice.below(members.len().max(1));
        match dice.below(6) {
            0 if !members.is_empty() => drop(members.remove(at)),
            1 if !members.is_empty() => members.push(members[at].clone()),
            2 if !members.is_empty() => members[at].1 = VALUES[dice.below(VALUES.len())].to_owned(),
            3 if !members.is_empty() => members[at].0 = NAMES[dice.below(NAMES.len())].to_owned(),
            4 => members.push((
                NAMES[dice.below(NAMES.len())].to_owned(),
                VALUES[dice.below(VALUES.len())].to_owned(),
            )),
            _ => members.push((NAMES[dice.below(NAMES.len())].to_owned(), dice.number().to_string())),
        }
    }
    members
}

/// Changes single bytes of a text.
fn edit(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if dice.below(4) != 0 {
        return bytes;
    }
    for _ in 0..dice.below(4) {
        let at = usize::from(u16::try_from(dice.number() & 0xffff).unwrap()) % bytes.len().max(1);
        match dice.below(4) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ => bytes.insert(at.min(bytes.len()), dice.byte()),
        }
    }
    bytes
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn sign(header: &[u8], claims: &[u8], seed: &[u8; 32]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = ed25519_dalek::SigningKey::from_bytes(seed).sign(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn part(token: &str, index: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&part(token, 1)).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn verifier() -> GrantVerifier {
    VERIFIER.clone()
}

fn attempt() -> Attempt {
    Attempt::new(action(), Resource::new("database", "orders"))
}

fn action() -> Action {
    let sql = Payload::sql(Dialect::PostgreSql, "DELETE FROM orders WHERE id = $1").with_parameters(["7"]);
    Action::new("sql.execute").with_payload(sql)
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(VECTORS["grant"]["now"].as_i64().unwrap(), 0).unwrap()
}

/// A grant and the proof of its record.
fn logged() -> (String, String) {
    let policy = "format = 1\nname = 'fuzz'\n[defaults]\nrisk = 'low'\n\
        [[zone]]\nid = 'all'\nwhen = 'action.name == \"sql.execute\"'\nmax_risk = 'low'\n";
    let gate = Gate::new(Policy::from_toml(policy).unwrap(), "https://jit.example");
    let mut ledger = Ledger::create("fuzz").unwrap();
    let request = Request::new(Subject::new("user", "ana"), action(), Resource::new("database", "orders"));
    let staged = ledger.stage(gate.submit(request, Stamp::new(now(), [7; 32]))).unwrap();
    let records: Vec<_> = staged.records().to_vec();
    let Ok(Outcome::Allow(authorization)) = staged.commit() else { panic!("the zone allows") };
    let plan = countersign::ProofPlan::inclusion(2, 3).unwrap();
    let leaves: Vec<_> = records.iter().map(countersign::Record::leaf).collect();
    let hashes = plan.subtrees().map(|tree| tree.hash(tree.records().map(|at| leaves[at as usize])).unwrap());
    let hashes = plan.assemble(hashes).unwrap();
    let note = ledger.checkpoint().sign(&SigningKey::from_seed([31; 32]));
    let proof = LogProof::new(2, records[2].bytes(), hashes, &note).to_text();
    (authorization.sign(&SigningKey::from_seed(ISSUER)).token().to_owned(), proof)
}

/// Chooses by the fuzzer's bytes; zeros when there are no more.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| (number << 8) | u64::from(self.byte())) >> (8 * self.below(8))
    }
}

static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tests/vectors/grants.json")).unwrap());

static VERIFIER: LazyLock<GrantVerifier> = LazyLock::new(|| {
    let keys = KeySet::from_jwks(text(&VECTORS["key"]["jwks"])).unwrap();
    GrantVerifier::new("https://jit.example", "database/orders", keys).enforcing(["max_rows"])
});

static LOGGED: LazyLock<(String, String)> = LazyLock::new(logged);

/// The seed of the published key.
const ISSUER: [u8; 32] = {
    let mut seed = [0; 32];
    let mut at = 0;
    while at < 32 {
        seed[at] = at as u8;
        at += 1;
    }
    seed
};
const HOLDER: [u8; 32] = [11; 32];
const X: &str = "\"A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg\"";

const NAMES: &[&str] = &[
    "\"v\"",
    "\"iss\"",
    "\"sub\"",
    "\"aud\"",
    "\"iat\"",
    "\"nbf\"",
    "\"exp\"",
    "\"jti\"",
    "\"act\"",
    "\"res\"",
    "\"req\"",
    "\"con\"",
    "\"adg\"",
    "\"pol\"",
    "\"apr\"",
    "\"cnf\"",
    "\"par\"",
    "\"log\"",
    "\"ext\"",
    "\"alg\"",
    "\"typ\"",
    "\"kid\"",
    "\"crit\"",
    "\"jwk\"",
    "\"b64\"",
    "\"gth\"",
    "\"by\"",
    "\"uses\"",
    "\"not_after\"",
    "\"all\"",
    "\"seq\"",
    "\"kty\"",
    "\"crv\"",
    "\"x\"",
    "\"d\"",
    "\"key_ops\"",
    "\"use\"",
    "\"\\u0065xp\"",
    "\"\\u006bid\"",
    "\"\"",
    "\"a\\ud800\"",
    "v",
];

const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "1",
    "-0",
    "-1",
    "1.0",
    "1e3",
    "1E400",
    "1800000000",
    "1800000900",
    "9007199254740991",
    "9007199254740992",
    "9223372036854775808",
    "18446744073709551616",
    "01",
    "NaN",
    "\"\"",
    "\"a\"",
    "\"\\u0000\"",
    "\"\\u202e\"",
    "\"\\ud834\\udd1e\"",
    "\"\\ud834\"",
    "[]",
    "[[[[[[[[[[]]]]]]]]]]",
    "{}",
    "{\"a\":{\"b\":{}}}",
    "{\"max_uses\":1}",
    "{\"max_uses\":1001}",
    "{\"max_rows\":5,\"max_rows\":6}",
    "{\"read_only\":1}",
    "{\"cidr\":\"0.0.0.0/0\"}",
    "{\"cidr\":[\"10.0.0.0/8\",\"::/0\"]}",
    "{\"first_use_by\":0}",
    "{\"revocation_max_age_s\":1}",
    "{\"unknown\":1}",
    "{\"leaf\":\"sha-256:00\",\"seq\":1,\"stream\":\"a\"}",
    "\"sha-256:0000000000000000000000000000000000000000000000000000000000000000\"",
    "{\"jwk\":{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg\"}}",
    "{\"jwk\":{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}",
    "[{\"at\":1,\"by\":\"a\"}]",
    "[\"a.b.c\"]",
    "[[\"user/ana\",1800000900]]",
    "[\"verify\"]",
    "[\"sign\"]",
    "\"OKP\"",
    "\"Ed25519\"",
    "\"EdDSA\"",
    "\"none\"",
    "\"sig\"",
    "\"enc\"",
    "\"https://jit.example\"",
    "\"database/orders\"",
    "\"user/ana\"",
    "\"jit-grant+jwt\"",
    "\"jit-pop+jwt\"",
    "\"jit-approval+jwt\"",
    "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
    "\"01JD8X2M9Q7ZK4T6V3W5Y1B0CB\"",
];
