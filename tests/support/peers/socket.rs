//! A TCP server: a thread that accepts, and one for each connection.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A server that runs until it is dropped; then all its connections end, too.
pub(crate) struct Peer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    is_over: AtomicBool,
    accepted: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    open: Mutex<Vec<(usize, TcpStream)>>,
}

impl Peer {
    /// Serves each connection with `serve`, in a thread of its own, on a free port of 127.0.0.1.
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::start_on(IpAddr::V4(Ipv4Addr::LOCALHOST), serve).unwrap()
    }

    /// Like `start`, on a free port of another address of this machine.
    pub(crate) fn start_on(
        address: IpAddr,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let (inner, serve) = (Arc::clone(&state), Arc::new(serve));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if inner.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (inner, serve) = (Arc::clone(&inner), Arc::clone(&serve));
                std::thread::spawn(move || inner.serve(stream, &*serve));
            }
        });
        Ok(Self { address, state, thread: Some(thread) })
    }

    /// How many connections there have been.
    pub(crate) fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// How many connections there have been at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.most_at_once.load(Ordering::SeqCst)
    }
}

impl State {
    fn serve(&self, stream: TcpStream, serve: &(impl Fn(TcpStream) + ?Sized)) {
        let number = self.accepted.fetch_add(1, Ordering::SeqCst);
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        if let Ok(copy) = stream.try_clone() {
            self.open.lock().unwrap().push((number, copy));
        }
        serve(stream);
        let mut open = self.open.lock().unwrap();
        // The copy would keep the connection open.
        open.iter().filter(|(n, _)| *n == number).for_each(|(_, stream)| drop(stream.shutdown(Shutdown::Both)));
        open.retain(|(n, _)| *n != number);
        self.at_once.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        for (_, stream) in &*self.state.open.lock().unwrap() {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

/// Accepts, and never says a word.
pub(crate) fn silent() -> Peer {
    Peer::start(until_closed)
}

/// Accepts, and closes.
pub(crate) fn closing() -> Peer {
    Peer::start(|mut stream| drop(stream.read(&mut [0; 4096])))
}

/// Says `bytes` at once, before it is asked, and waits.
pub(crate) fn saying(bytes: &[u8]) -> Peer {
    let bytes = bytes.to_vec();
    Peer::start(move |mut stream| {
        drop(stream.write_all(&bytes));
        until_closed(stream);
    })
}

/// A port where nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Takes no connection: its queue is full, and a connection is neither accepted nor refused.
pub(crate) struct Full {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _listener: tokio::net::TcpListener,
    _queued: Vec<tokio::task::JoinHandle<std::io::Result<tokio::net::TcpStream>>>,
}

/// A server that takes no connection. It needs a runtime of tokio.
pub(crate) async fn full() -> Full {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let queued = (0..8).map(|_| tokio::spawn(tokio::net::TcpStream::connect(address))).collect();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    Full { address, _listener: listener, _queued: queued }
}

/// Reads until the other side closes.
pub(crate) fn until_closed(mut stream: impl Read) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
}
