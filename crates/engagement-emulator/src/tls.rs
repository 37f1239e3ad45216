//! Certificates for the emulator and the hosts it stands in for.

use std::net::IpAddr;

use native_tls::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::route::HOSTS;

/// A certificate authority of its own, and a certificate from it for the emulator.
///
/// The authority's key exists in memory only, and only while the certificate is made: whoever trusts the authority
/// trusts it for this emulator, and for nobody later.
///
/// ```
/// let tls = engagement_emulator::Tls::generate([])?;
/// assert!(tls.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// # Ok::<(), engagement_emulator::TlsError>(())
/// ```
#[derive(Clone)]
pub struct Tls {
    ca_pem: String,
    identity: Identity,
}

impl Tls {
    /// Makes both. The certificate is for the hosts of the real service, `localhost`, the loopback addresses, and the
    /// addresses that are given.
    ///
    /// # Errors
    ///
    /// When the system's TLS library does not take the certificate.
    pub fn generate(addresses: impl IntoIterator<Item = IpAddr>) -> Result<Self, TlsError> {
        let named = |name: &str| {
            let mut names = DistinguishedName::new();
            names.push(DnType::CommonName, name);
            names
        };
        let mut ca = CertificateParams::default();
        ca.distinguished_name = named("Engagement emulator, a certificate authority for tests");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (ca.not_before, ca.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2049, 12, 31));
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;

        let own = HOSTS.into_iter().chain(LOOPBACK).map(str::to_owned);
        let names: Vec<_> = own.chain(addresses.into_iter().map(|address| address.to_string())).collect();
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name = named("Engagement emulator");
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (leaf.not_before, leaf.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2049, 12, 31));
        let key = KeyPair::generate()?;
        let leaf = leaf.signed_by(&key, &ca)?;

        let chain = format!("{}{}", leaf.pem(), ca.pem());
        let identity = Identity::from_pkcs8(chain.as_bytes(), key.serialize_pem().as_bytes())?;
        Ok(Self { ca_pem: ca.pem(), identity })
    }

    /// The authority's certificate, for clients to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub(crate) fn acceptor(&self) -> Result<tokio_native_tls::TlsAcceptor, TlsError> {
        Ok(native_tls::TlsAcceptor::new(self.identity.clone())?.into())
    }
}

impl core::fmt::Debug for Tls {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tls").field("ca_pem", &self.ca_pem).finish_non_exhaustive()
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// It cannot be made.
    #[error("the certificate cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// The system's TLS library does not take it.
    #[error("the TLS library does not take the certificate")]
    Library(#[from] native_tls::Error),
}

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
