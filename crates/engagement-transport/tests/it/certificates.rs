//! Certificates made on the spot, good ones and bad ones.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};

/// An authority that nobody trusts unless told to.
pub(crate) struct Authority {
    key: PKey<Private>,
    certificate: X509,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = new_key();
        let mut builder = draft("test authority", &key);
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let name = name("test authority");
        builder.set_issuer_name(&name).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// A server's certificate for these names or addresses, good until `days` from now (negative: expired).
    pub(crate) fn issue(&self, names: &[&str], days: i64) -> native_tls::Identity {
        let key = new_key();
        let mut builder = draft("test server", &key);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let end = now.checked_add_signed(days * 86_400).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(i64::try_from(end).unwrap()).unwrap()).unwrap();
        let mut alternatives = SubjectAlternativeName::new();
        for name in names {
            if name.parse::<std::net::IpAddr>().is_ok() {
                alternatives.ip(name);
            } else {
                alternatives.dns(name);
            }
        }
        let alternatives =
            alternatives.build(&builder.x509v3_context(Some(&self.certificate), None)).unwrap();
        builder.append_extension(alternatives).unwrap();
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        let certificate = builder.build().to_pem().unwrap();
        native_tls::Identity::from_pkcs8(&certificate, &key.private_key_to_pem_pkcs8().unwrap()).unwrap()
    }
}

fn draft(subject: &str, key: &PKey<Private>) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, openssl::bn::MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name(subject)).unwrap();
    builder.set_pubkey(key).unwrap();
    // Long ago, so that an expired one was good once.
    builder.set_not_before(&Asn1Time::from_unix(1_500_000_000).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    builder
}

fn name(text: &str) -> X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    builder.append_entry_by_nid(Nid::COMMONNAME, text).unwrap();
    builder.build()
}

fn new_key() -> PKey<Private> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap()
}
