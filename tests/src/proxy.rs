//! A proxy that spoils connections to order.

mod way;

use std::{
    fmt,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use self::way::Fate;

/// Stands on a loopback port before a server and passes bytes both ways, as each connection's [`Wire`] lets it.
///
/// It knows nothing of what it passes, TLS or not. What goes wrong is decided by the number of the connection alone, so a
/// run can be repeated. It ends when it is dropped, and every connection with it.
pub struct FaultProxy {
    addr: SocketAddr,
    passed: Passed,
    listening: JoinHandle<()>,
}

impl FaultProxy {
    /// Stands before `server`. `wire` tells what is wrong with a connection by its number, from 0.
    pub async fn before(server: SocketAddr, wire: impl Fn(usize) -> Wire + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let passed = Passed::default();
        let listening = tokio::spawn(listen(listener, server, wire, passed.clone()));
        Self { addr, passed, listening }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same as the base URL of a client.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Bytes that went to the server and to the client, for each connection so far.
    pub fn passed(&self) -> Vec<(u64, u64)> {
        self.passed.read()
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.passed().len()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// What is wrong with a connection: by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// With requests.
    pub to_server: Way,
    /// With answers.
    pub to_client: Way,
}

impl Wire {
    /// The same in both directions.
    pub fn both(way: Way) -> Self {
        Self { to_server: way, to_client: way }
    }

    /// Wrong on the way to the server alone.
    pub fn to_server(way: Way) -> Self {
        Self { to_server: way, ..Self::default() }
    }

    /// Wrong on the way to the client alone.
    pub fn to_client(way: Way) -> Self {
        Self { to_client: way, ..Self::default() }
    }
}

/// What is wrong with one direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// How long every byte is under way.
    pub latency: Duration,
    /// Bytes a second that pass; all at once if this is not given.
    pub bandwidth: Option<NonZeroU32>,
    /// Bytes that pass in one piece, at most.
    pub slice: Option<NonZeroUsize>,
    /// How it ends before its time.
    pub end: Option<End>,
}

/// How a direction ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// When so many bytes have passed both ends get a reset.
    Reset(u64),
    /// When so many bytes have passed nothing comes any more, not even the connection's end.
    Silence(u64),
}

async fn listen(listener: TcpListener, server: SocketAddr, wire: impl Fn(usize) -> Wire, passed: Passed) {
    // Dropped with this future, and with it every connection.
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(carry(client, server, wire(number), passed.open()));
                number += 1;
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes bytes until either end closes, or the wire does.
async fn carry(mut client: TcpStream, server: SocketAddr, wire: Wire, passed: Arc<[AtomicU64; 2]>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return reset(&client) };
    // Pieces are to arrive as pieces.
    let _ = client.set_nodelay(true).and(server.set_nodelay(true));
    let [up, down] = &*passed;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let fate = tokio::select! {
        // A client that closes has seen all that it wants to.
        fate = way::pass(from_client, to_server, wire.to_server, up) => fate,
        fate = async {
            match way::pass(from_server, to_client, wire.to_client, down).await {
                // The client hears of it, and closes in its own time.
                Fate::Closed => std::future::pending().await,
                fate @ Fate::Reset => fate,
            }
        } => fate,
    };
    if fate == Fate::Reset {
        reset(&client);
        reset(&server);
    }
}

/// Closing then sends a reset, and what was not sent yet is lost.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// What has passed on each connection.
#[derive(Clone, Default)]
struct Passed(Arc<Mutex<Vec<Arc<[AtomicU64; 2]>>>>);

impl Passed {
    fn open(&self) -> Arc<[AtomicU64; 2]> {
        let counts = Arc::<[AtomicU64; 2]>::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(counts.clone());
        counts
    }

    fn read(&self) -> Vec<(u64, u64)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|counts| counts.each_ref().map(|count| count.load(Ordering::Relaxed)).into()).collect()
    }
}
