//! A TLS server in front of another one, with a certificate that the program trusts if `SSL_CERT_FILE` names it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use testbed::Authority;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// It serves until this is dropped.
pub(crate) struct TlsFront {
    pub(crate) address: SocketAddr,
    authority: Authority,
    _runtime: Runtime,
}

impl TlsFront {
    /// Listens as `host`, and hands everything to `behind`.
    pub(crate) fn of(host: &str, behind: SocketAddr) -> Self {
        let (authority, folder) = (Authority::new().unwrap(), TempDir::new().unwrap());
        authority.sign_for(host, folder.path()).unwrap();
        let chain = vec![CertificateDer::from_pem_file(folder.path().join("server.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(folder.path().join("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), behind));
        Self { address, authority, _runtime: runtime }
    }

    /// The file with the certificate to trust.
    pub(crate) fn trusted(&self) -> PathBuf {
        self.authority.certificate_file()
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, behind: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let mut near = acceptor.accept(stream).await?;
            let mut far = TcpStream::connect(behind).await?;
            copy_bidirectional(&mut near, &mut far).await
        });
    }
}
