use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use super::*;
use crate::{errand::Reply, holdings::Consumer, login::Login};

fn asked() -> Asked {
    let consumer = Consumer { key: "k".into(), secret: "s".into() };
    let body = b"oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true".to_vec();
    let login = Login::new(consumer, "https://api.twitter.com", None);
    login.granted(&Reply { status: 200, body, clock_ahead: None }).unwrap()
}

/// The listener, and a request to it with this query after the state.
struct Call {
    authority: String,
    url: String,
}

impl Call {
    fn to(callback: &Callback) -> Self {
        let url = callback.url();
        let authority = url.split('/').nth(2).unwrap().to_owned();
        Self { authority, url }
    }

    /// The status of the answer to these bytes.
    fn send(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(&self.authority).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    fn get(&self, target: &str) -> String {
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.authority))
    }

    fn target(&self) -> &str {
        self.url
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .map(|(host, _)| &self.url[7 + host.len()..])
            .unwrap()
    }
}

async fn listen() -> Callback {
    Callback::listen("http://127.0.0.1:0/callback").await.unwrap()
}

/// The login's answer after what the other side does meanwhile, on a thread of its own.
async fn answer(act: impl FnOnce(&Call) + Send + 'static) -> Result<Secret, LoginError> {
    let callback = listen().await;
    let call = Call::to(&callback);
    let acting = std::thread::spawn(move || act(&call));
    let answer = callback.verifier(&asked()).await;
    // The thread may still want an answer, to its second use.
    tokio::select! {
        _ = callback.turn_away() => {}
        () = async { while !acting.is_finished() { tokio::task::yield_now().await } } => {}
    }
    acting.join().unwrap();
    answer
}

#[tokio::test]
async fn the_user_comes_back() {
    let verifier = answer(|call| {
        assert_eq!(call.get(&format!("{}&oauth_token=t&oauth_verifier=v", call.target())), "200");
    });
    assert_eq!(verifier.await.unwrap().expose(), "v");
}

#[tokio::test]
async fn the_user_refuses() {
    let refused = answer(|call| assert_eq!(call.get(&format!("{}&denied=t", call.target())), "200"));
    assert_eq!(refused.await, Err(LoginError::Denied));
}

#[tokio::test]
async fn strangers_are_turned_away_and_the_login_goes_on() {
    let verifier = answer(|call| {
        let good = format!("{}&oauth_token=t&oauth_verifier=v", call.target());
        assert_eq!(call.get("/callback?oauth_token=t&oauth_verifier=x"), "403", "no state");
        assert_eq!(call.get("/callback?state=guess&oauth_token=t&oauth_verifier=x"), "403", "wrong state");
        assert_eq!(
            call.get(&format!("{}&state=x&oauth_token=t&oauth_verifier=x", call.target())),
            "403",
            "two"
        );
        assert_eq!(
            call.get(&format!("{}&oauth_token=u&oauth_verifier=x", call.target())),
            "403",
            "wrong token"
        );
        assert_eq!(call.get(&format!("{}&denied=u", call.target())), "403", "wrong refusal");
        assert_eq!(call.get(&format!("{}&oauth_token=t", call.target())), "400", "no verifier");
        assert_eq!(call.get(&format!("{good}&oauth_verifier=w")), "400", "two verifiers");
        assert_eq!(call.get(&format!("{good}%zz")), "400", "broken escape");
        assert_eq!(call.get("/"), "404");
        assert_eq!(call.get("/favicon.ico"), "404");
        let host = &call.authority;
        assert_eq!(call.send(&format!("POST {good} HTTP/1.1\r\nHost: {host}\r\n\r\n")), "405");
        assert_eq!(call.send(&format!("GET {good} HTTP/1.1\r\nHost: evil.example\r\n\r\n")), "403");
        assert_eq!(call.send(&format!("GET {good} HTTP/1.1\r\n\r\n")), "400");
        assert_eq!(call.send(&format!("GET {good} HTTP/1.1\r\nHost: {host}\r\nhost: x\r\n\r\n")), "400");
        assert_eq!(call.send("\u{16}\u{3}\u{1}\r\n\r\n"), "400");
        assert_eq!(call.get(&good), "200");
    });
    assert_eq!(verifier.await.unwrap().expose(), "v");
}

#[tokio::test]
async fn an_answer_is_good_once() {
    let verifier = answer(|call| {
        let good = format!("{}&oauth_token=t&oauth_verifier=v", call.target());
        assert_eq!(call.get(&good), "200");
        assert_eq!(call.get(&good), "410");
        assert_eq!(call.get(&format!("{}&denied=t", call.target())), "410");
    });
    assert_eq!(verifier.await.unwrap().expose(), "v");
}

#[tokio::test]
async fn silent_and_slow_clients_do_not_keep_the_browser_out() {
    let verifier = answer(|call| {
        let mut silent: Vec<_> =
            (0..3 * MOST).map(|_| TcpStream::connect(&call.authority).unwrap()).collect();
        for stream in &mut silent {
            // One that was closed for being the oldest takes nothing.
            let _ = stream.write_all(b"GET /callback?state=");
        }
        let endless = vec![b'x'; 2 * LONGEST];
        let mut flood = TcpStream::connect(&call.authority).unwrap();
        let _ = flood.write_all(&endless);
        assert_eq!(call.get(&format!("{}&oauth_token=t&oauth_verifier=v", call.target())), "200");
    });
    assert_eq!(verifier.await.unwrap().expose(), "v");
}

#[tokio::test]
async fn a_callback_is_on_this_machine() {
    for url in [
        "https://127.0.0.1:0/callback",
        "http://example.com:80/callback",
        "http://127.0.0.1.example:80/",
        "http://0.0.0.0:0/callback",
        "http://192.168.0.1:80/",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:0/callback?x=y",
        "nonsense",
    ] {
        assert!(matches!(Callback::listen(url).await, Err(CallbackError::NotLocal { .. })), "{url}");
    }
    let first = listen().await;
    let taken = format!("http://{}/callback", first.authority);
    assert!(matches!(Callback::listen(&taken).await, Err(CallbackError::Taken { .. })));
    assert_ne!(first.state, listen().await.state);
    assert!(!format!("{first:?}").contains(first.state.expose()));
}
