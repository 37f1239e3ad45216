use std::fs::File;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engagement_transport::{Advice, Call, ErrorKind, Event, Stop, Url, verdict};

use crate::again::{again, run};
use crate::server::{Reply, Server, ok, quiet};

#[test]
fn without_file_handles_it_backs_off_and_says_so() {
    if let Some(mut again) = again("scarcity::without_file_handles_it_backs_off_and_says_so") {
        run(again.env("HANDLES", "64"));
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::always(Reply::Keep(ok(b"fine"))).await;
        let delays = Arc::new(Mutex::new(Vec::new()));
        let heard = delays.clone();
        let transport = quiet()
            .max_attempts(4)
            .backoff(Duration::from_millis(20), Duration::from_millis(40))
            .on_event(move |event| {
                if let Event::Retrying { delay, .. } = event {
                    heard.lock().unwrap().push(*delay);
                }
            })
            .build()
            .unwrap();
        let mut handles = Vec::new();
        while let Ok(handle) = File::open("/dev/null") {
            handles.push(handle);
        }
        let error = transport.send(&server.call(), verdict::by_status).await.unwrap_err();
        let delays = std::mem::take(&mut *delays.lock().unwrap());
        assert_eq!((error.kind(), error.stop(), error.attempts()), (ErrorKind::Connect, Stop::Attempts, 4));
        assert_eq!((error.sent(), delays.len()), (0, 3));
        assert!(error.elapsed() >= delays.iter().sum(), "it spins");
        let mut chain = std::iter::successors(std::error::Error::source(&error), |error| error.source());
        assert!(chain.any(|cause| cause.to_string().contains("Too many open files")), "{error:?}");
        drop(handles);
        assert_eq!(transport.send(&server.call(), verdict::by_status).await.unwrap().body, "fine");
    });
}

/// As the kernel says when all of its ports are taken.
#[tokio::test(start_paused = true)]
async fn without_free_ports_it_backs_off_until_there_are_some() {
    let server = Server::in_memory(|_, _| Reply::Keep(ok(b"fine")));
    let begun = tokio::time::Instant::now();
    let connect = server.connect();
    let transport =
        quiet()
            .connector(move |_| {
                let scarce = begun.elapsed() < Duration::from_secs(1);
                let connected = connect();
                async move {
                    if scarce { Err(std::io::ErrorKind::AddrNotAvailable.into()) } else { Ok(connected) }
                }
            })
            .max_attempts(8)
            .build()
            .unwrap();
    let answer = transport.send(&server.call(), verdict::by_status).await.unwrap();
    assert_eq!((answer.sent, &answer.body[..]), (1, &b"fine"[..]));
    assert!((2..=7).contains(&answer.attempts), "{}", answer.attempts);
}

#[test]
fn without_a_network_it_tries_again_and_names_the_host() {
    let Some(again) = again("scarcity::without_a_network_it_tries_again_and_names_the_host") else {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(async {
            let moment = Duration::from_millis(1);
            let transport = quiet().max_attempts(3).backoff(moment, moment).build().unwrap();
            for url in ["https://192.0.2.1/x", "https://[2001:db8::1]/x", "https://data-api.invalid/x"] {
                let url = Url::parse(url).unwrap();
                let error = transport.send(&Call::get(url.clone()), verdict::by_status).await.unwrap_err();
                assert_eq!((error.kind(), error.stop()), (ErrorKind::Connect, Stop::Attempts), "{error:?}");
                assert_eq!((error.attempts(), error.sent(), error.advice()), (3, 0, Advice::Later));
                assert!(error.to_string().contains(url.host()), "{error}");
            }
        });
    };
    let mut alone = Command::new("unshare");
    alone.args(["--map-root-user", "--net"]);
    if !alone.arg("true").output().is_ok_and(|output| output.status.success()) {
        return println!("this process may not leave the network");
    }
    let mut alone = Command::new("unshare");
    alone.args(["--map-root-user", "--net"]).arg(again.get_program()).args(again.get_args());
    run(alone.envs(again.get_envs().filter_map(|(name, value)| Some((name, value?)))));
}
