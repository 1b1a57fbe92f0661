//! Promises of the vault about digests, sealed texts and the key file.

use std::sync::Mutex;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

/// Random bytes from a seed, as the simulation has them.
struct Seeded(Mutex<StdRng>);

impl Seeded {
    fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(StdRng::seed_from_u64(seed))))
    }
}

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().expect("no test panics while it draws").fill_bytes(bytes);
    }
}

fn vault(seed: u64) -> Vault {
    let randomness = Seeded::new(seed);
    Vault::new(MasterKey::generate(&*randomness), FIRST_KEY_NUMBER, randomness)
}

/// Values that must never change: a changed derivation would make every digest and secret in a ledger useless.
#[test]
fn the_derivation_of_keys_never_changes() {
    let master = MasterKey::from_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("32 bytes");
    let vault = Vault::new(master, FIRST_KEY_NUMBER, Seeded::new(0));
    let hex: String =
        vault.digest("email", 7, "ann@example.com").iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, "6a97b072e5a4d43c92da9d1e39175b90");
    let sealed = b64("AQAAAAF/byzNsj8qu3tpJ46UfAHGFgoxzwLBnQYohpGB7Y8MveI1goapAB3P+Mawv6MC");
    assert_eq!(vault.open(&sealed, b"context").as_deref(), Ok(b"secret".as_slice()));
}

fn b64(text: &str) -> Vec<u8> {
    base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).expect("base64")
}

#[test]
fn digests_differ_by_kind_connection_text_and_key() {
    let one = vault(1);
    let base = one.digest("email", 1, "a@b.c");
    assert_eq!(base, one.digest("email", 1, "a@b.c"));
    assert_ne!(base, one.digest("user", 1, "a@b.c"));
    assert_ne!(base, one.digest("email", 2, "a@b.c"));
    assert_ne!(base, one.digest("email", 1, "a@b.d"));
    assert_ne!(base, vault(2).digest("email", 1, "a@b.c"));
}

#[test]
fn digests_and_check_value_survive_a_rotation() {
    let old = vault(1);
    let new = old.with_current(2);
    assert_eq!(old.digest("user", 1, "u"), new.digest("user", 1, "u"));
    assert_eq!(old.check_value(), new.check_value());
    assert_ne!(old.check_value(), vault(2).check_value());
}

#[test]
fn vaults_before_and_after_a_rotation_open_each_others_texts() {
    let old = vault(1);
    let new = old.with_current(2);
    assert_eq!(new.open(&old.seal(b"x", b"c"), b"c").as_deref(), Ok(b"x".as_slice()));
    assert_eq!(old.open(&new.seal(b"x", b"c"), b"c").as_deref(), Ok(b"x".as_slice()));
}

#[test]
fn a_renumbered_seal_does_not_open() {
    let one = vault(1);
    let mut sealed = one.seal(b"x", b"c");
    sealed[4] += 1;
    assert_eq!(one.open(&sealed, b"c"), Err(VaultError::DoesNotOpen));
}

#[test]
fn another_master_key_opens_nothing() {
    assert_eq!(vault(2).open(&vault(1).seal(b"x", b"c"), b"c"), Err(VaultError::DoesNotOpen));
}

#[test]
fn equal_texts_are_sealed_differently() {
    let one = vault(1);
    assert_ne!(one.seal(b"x", b"c"), one.seal(b"x", b"c"));
}

#[test]
fn an_api_key_is_opened_unchanged_and_matches_only_its_own_digest() {
    let one = vault(1);
    let key = ApiKey::parse("pub_1.sec_2").expect("a good key");
    let kept = one.seal_key(&key);
    assert!(one.open_key(&kept).expect("its own key") == key);
    let moved = SealedKey { digest: one.digest("api key", 0, "other"), ..kept.clone() };
    assert_eq!(one.open_key(&moved).expect_err("another's digest"), VaultError::DoesNotOpen);
    let no_key = SealedKey { sealed: one.seal(b"no dot", &kept.digest), ..kept };
    assert_eq!(one.open_key(&no_key).expect_err("no key"), VaultError::NotSealed);
}

#[test]
fn debug_shows_no_key() {
    let one = vault(1);
    let kept = one.seal_key(&ApiKey::parse("pub_1.sec_2").expect("a good key"));
    let shown = format!("{one:?} {:?} {kept:?}", one.master);
    assert_eq!(shown, "Vault { current: 1, .. } MasterKey(hidden) SealedKey(hidden)");
}

#[test]
fn a_master_key_is_read_from_its_text() {
    let key = MasterKey::generate(&OsRandomness);
    let again = MasterKey::from_text(&format!(" {}\n", key.to_text().as_str())).expect("its own text");
    assert_eq!(again.bytes(), key.bytes());
    assert_ne!(key.bytes(), MasterKey::generate(&OsRandomness).bytes());
    assert_eq!(MasterKey::from_text("???").expect_err("not base64"), MasterKeyError::NotBase64);
    assert_eq!(MasterKey::from_text("AAAA").expect_err("3 bytes"), MasterKeyError::WrongLength);
}

#[test]
fn a_key_file_is_created_once_and_read_again() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("master.key");
    assert!(matches!(MasterKey::read_file(&path), Err(KeyFileError::Missing(_))));
    let made = MasterKey::create_file(&path, &OsRandomness).expect("a new file");
    assert_eq!(MasterKey::read_file(&path).expect("the new file").bytes(), made.bytes());
    assert!(matches!(MasterKey::create_file(&path, &OsRandomness), Err(KeyFileError::Exists(_))));
    assert_eq!(MasterKey::read_file(&path).expect("the same file").bytes(), made.bytes());
    let left = std::fs::read_dir(directory.path()).expect("the directory").count();
    assert_eq!(left, 1, "no draft is left over");
}

#[test]
fn a_key_file_with_something_else_in_it_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("master.key");
    MasterKey::create_file(&path, &OsRandomness).expect("a new file");
    for other in [b"".as_slice(), b"\xff\xfe", b"hello"] {
        std::fs::write(&path, other).expect("a writable file");
        assert!(matches!(MasterKey::read_file(&path), Err(KeyFileError::NotAKey { .. })));
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_open_to_others_is_refused_with_the_command_that_corrects_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("master.key");
    MasterKey::create_file(&path, &OsRandomness).expect("a new file");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).expect("the file").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    for open in [0o604, 0o620, 0o644, 0o660, 0o650] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(open)).expect("a new mode");
        let refusal = MasterKey::read_file(&path).expect_err("open to others").to_string();
        assert!(refusal.contains(&format!("chmod 600 {}", path.display())), "{refusal}");
    }
    // The group of the process may read the file: Kubernetes (fsGroup) and systemd provide keys in this way.
    for closed in [0o400, 0o440, 0o640] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(closed)).expect("a new mode");
        MasterKey::read_file(&path).expect("nobody else may read it");
    }
}

proptest! {
    #[test]
    fn sealed_texts_open_and_changed_ones_do_not(
        plain in proptest::collection::vec(any::<u8>(), 0..200),
        context in proptest::collection::vec(any::<u8>(), 0..20),
        number: u32, at: proptest::sample::Index, flip in 1u8..,
    ) {
        let one = vault(7).with_current(number);
        let mut sealed = one.seal(&plain, &context);
        prop_assert_eq!(one.open(&sealed, &context), Ok(plain));
        prop_assert!(one.open(&sealed, &[context.as_slice(), b"x"].concat()).is_err());
        let at = at.index(sealed.len());
        prop_assert!(one.open(&sealed[..at], &context).is_err(), "cut short");
        sealed[at] ^= flip;
        prop_assert!(one.open(&sealed, &context).is_err(), "one byte changed");
    }

    #[test]
    fn opening_any_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(vault(7).open(&bytes, b"").is_err());
    }
}
